/* Numbers and names, as people read them. Pure. */

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** In units of 1024, as the server's pages have it. */
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

/** How long something still takes, as sure as an estimate is: nobody counts 87 seconds. */
export function timeLeft(seconds) {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 45) return "less than a minute left";
  if (seconds < 90) return "about a minute left";
  return `about ${duration(seconds)} left`;
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** A name in two parts, the second of which always stays in sight: the frame's number and the format. */
export function split(name, tail = 12) {
  const letters = Array.from(name);
  return letters.length <= tail * 2 ? [name, ""] : [letters.slice(0, -tail).join(""), letters.slice(-tail).join("")];
}

export function ending(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1) : "";
}
