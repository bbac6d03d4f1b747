/* Numbers and file names formatted for people. Pure. */

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** A number of bytes in units of 1024, as on the server's pages. */
export function bytes(count) {
  const power = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const amount = count / 1024 ** power;
  return `${power ? amount.toFixed(1) : amount} ${power || count !== 1 ? UNITS[power] : "byte"}`;
}

export function duration(seconds) {
  for (const [size, unit] of [[3600, "hour"], [60, "minute"], [1, "second"]]) {
    if (seconds >= size * 1.5 || size === 1) return plural(Math.max(1, Math.round(seconds / size)), unit);
  }
}

/** The remaining time, no more precise than an estimate can be. */
export function timeLeft(seconds) {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 45) return "less than a minute left";
  if (seconds < 90) return "about a minute left";
  return `about ${duration(seconds)} left`;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The name in two parts. The second, with the frame number and the extension, is never truncated on the page. */
export function splitName(name, tailLength = 12) {
  const characters = Array.from(name);
  if (characters.length <= tailLength * 2) return [name, ""];
  return [characters.slice(0, -tailLength).join(""), characters.slice(-tailLength).join("")];
}

/** The extension without its dot; "" if there is none, or what follows the last dot is too long for one. */
export function fileExtension(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1) : "";
}
