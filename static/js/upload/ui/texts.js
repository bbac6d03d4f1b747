/* What the page says of files and of all of them together. Pure. */
import { bytes, plural, timeLeft } from "../../format.js";

const NAMED = 10;

/** A row's stage, in a few words. */
export function stage(item) {
  const share = percent(item);
  switch (item.state) {
    case "chosen":
      return item.hint || checking(item);
    case "later":
      return ["next batch", item.hint || checking(item)].filter(Boolean).join(", ");
    case "pending":
    case "waiting":
      return share ? `waiting, ${share} % sent` : ["waiting", item.hint || checking(item)].filter(Boolean).join(", ");
    case "sending":
      return item.offset + item.inFlight >= item.size ? "saving" : `sending, ${share} %`;
    case "received":
      return item.words || (item.photo ? "in the album" : "uploaded, processing");
    case "here":
      return item.words || "already here";
    case "refused":
      return `refused: ${item.words}`;
    case "skipped":
      return "companion file, skipped";
    case "failed":
      return `failed: ${item.words}`;
    case "cancelled":
      return "cancelled";
    case "missing":
      return share ? `${share} % is here, choose it again` : "choose it again";
  }
}

/** The heading over the list. */
export function title({ count, files, bytes: size, toCome, ended }, { isPaused, isResting }) {
  if (count("chosen")) return `${plural(count("chosen"), "photo")} chosen, ${bytes(size)}`;
  const all = files - count("cancelled", "later", "missing");
  if (toCome) return isPaused ? "Paused" : `Sending ${plural(all, "photo")}`;
  if (count("failed")) return `${plural(count("failed"), "photo")} could not be sent`;
  if (count("missing")) return "Still to come";
  if (isResting && ended) return `All sent: ${outcome({ count })}`;
  if (count("later")) return `${plural(count("later"), "photo")} ready for the next batch`;
  return "Nothing is being sent";
}

/** Below it: how far, how fast, and how many seconds more; null for what is not known. */
export function detail({ count, bytes: size, sent, toCome, ended, files }, rate, left) {
  if (!toCome) return "";
  const done = `${ended - count("cancelled")} of ${files - count("cancelled", "later", "missing")} sent`;
  const speed = [rate && `${bytes(rate)}/s`, rate && left !== null && timeLeft(left)].filter(Boolean);
  return [done, `${bytes(sent)} of ${bytes(size)}`, ...speed].join(" · ");
}

export function outcome({ count }) {
  const parts = [
    [count("received"), "received"],
    [count("here"), "already here"],
    [count("refused"), "refused"],
    [count("skipped"), "skipped"],
    [count("failed"), "failed"],
    [count("cancelled"), "cancelled"],
  ];
  return parts.filter(([number]) => number).map(([number, word]) => `${number} ${word}`).join(", ");
}

/** What a comparison with the server found: "12 new, 3 here already, 1 in the trash". `left` are still being checked. */
export function comparison(items, left) {
  const number = (...standings) => items.filter(({ standing }) => standings.includes(standing)).length;
  const parts = [
    [number("new", "half", "later", "elsewhere"), "new"],
    [number("here"), "here already"],
    [number("twice"), "twice in your choice"],
    [number("trash"), "in the trash"],
    [number("refused"), "that can’t be taken"],
    [number("skipped"), "companion files to be skipped"],
    [left, "still being checked"],
  ];
  return parts.filter(([count]) => count).map(([count, words]) => `${count} ${words}`).join(", ");
}

/** Notes on what of a choice is not sent: companions as a number, all else by name. */
export function skipped({ companions, left }) {
  const names = left.map(({ path }) => path);
  const many = names.length > NAMED;
  const listed = many ? `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more` : names.join(", ");
  return [
    left.length &&
      `Skipped ${plural(left.length, "file")} of a kind that albums do not take: ${listed}. ` +
        `If ${left.length === 1 ? "it" : "one"} is a photo, choose the file itself.${many ? " The receipt lists all." : ""}`,
    companions.length && `${plural(companions.length, "companion file")} skipped (thumbnails, edit lists and system files).`,
  ].filter(Boolean);
}

export const HINTS = {
  here: "already here",
  twice: "twice in your choice",
  elsewhere: "also in another album",
  trash: "in the trash, will be restored",
};

/** Why nothing moves, and what to do. `state` is the line's. */
export function trouble(state, words = "") {
  return {
    offline: "No network. Sending goes on by itself when it is back.",
    away: "The server does not answer. Sending goes on by itself when it does.",
    "signed-out": "You have been signed out. Sign in again in another tab; sending then goes on here by itself.",
    busy: `${words || "The server is busy."} Sending goes on by itself.`,
  }[state];
}

function checking({ hashed, size }) {
  return hashed === null ? "" : `checking, ${Math.floor((100 * hashed) / size)} %`;
}

function percent({ offset, inFlight, size }) {
  return size ? Math.floor((100 * Math.min(size, offset + inFlight)) / size) : 0;
}
