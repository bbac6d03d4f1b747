/* The texts about single files and about all of them. Pure. */
import { bytes, plural, timeLeft } from "../../format.js";

/** The heading when all files have ended. What became of them is below it. */
export const COMPLETE = "Upload complete";
const MAX_NAMED = 10;
const SERVER_STATES = {
  here: "already in album",
  twice: "selected twice",
  elsewhere: "also in another album",
  trash: "in the trash",
};

/** The status of a file in its row. */
export function fileStatus(item) {
  const percent = percentSent(item);
  switch (item.state) {
    case "chosen":
      return hint(item);
    case "later":
      return joined("queued", hint(item));
    case "held":
      return item.choice ? "being copied" : item.otherAlbum ? `also in ${item.otherAlbum}` : SERVER_STATES[item.serverState];
    case "pending":
    case "waiting":
      return percent ? `waiting, ${percent} % uploaded` : joined("waiting", hint(item));
    case "sending":
      return item.offset + item.inFlight >= item.size ? "saving" : `uploading, ${percent} %`;
    case "received":
      return item.message || (item.photo ? "in album" : "uploaded, processing");
    case "here":
      return item.message || SERVER_STATES.here;
    case "refused":
      return `rejected: ${item.message}`;
    case "skipped":
      return item.choice === "skip" ? item.message : "companion file, skipped";
    case "failed":
      return `failed: ${item.message}`;
    case "cancelled":
      return "cancelled";
    case "missing":
      return percent ? `${percent} % uploaded, file needed` : "file needed";
  }
}

/** The heading over the list, short enough for one line. */
export function title({ count, files, bytes: size, inProgress, ended }, { isPaused, isIdle }) {
  const all = files - count("cancelled", "chosen", "later", "missing", "held");
  if (inProgress) return isPaused ? "Paused" : `Uploading ${plural(all, "photo")}`;
  if (count("chosen")) return `${plural(count("chosen"), "photo")} selected, ${bytes(size)}`;
  if (count("held")) return `${plural(count("held"), "photo")} waiting for your decision`;
  if (count("failed")) return `${plural(count("failed"), "photo")} failed to upload`;
  if (count("missing")) return "Waiting for files";
  if (isIdle && ended) return COMPLETE;
  if (count("later")) return `${plural(count("later"), "photo")} queued`;
  return "Nothing is uploading";
}

/** The line below the heading: files, bytes, bytes per second and seconds left; `rate` and `secondsLeft` are null while unknown. */
export function progressDetail({ count, bytes: size, sent, inProgress, ended, files }, rate, secondsLeft) {
  if (!inProgress) return "";
  const done = `${ended - count("cancelled")} of ${files - count("cancelled", "chosen", "later", "missing", "held")} uploaded`;
  const speed = [rate && `${bytes(rate)}/s`, rate && secondsLeft !== null && timeLeft(secondsLeft)].filter(Boolean);
  return [done, `${bytes(sent)} of ${bytes(size)}`, ...speed].join(" · ");
}

/** The number of files by outcome: "12 uploaded, 1 failed". */
export function outcomeCounts({ count }) {
  return listCounts([
    [count("received"), "uploaded"],
    [count("here"), SERVER_STATES.here],
    [count("refused"), "rejected"],
    [count("skipped"), "skipped"],
    [count("failed"), "failed"],
    [count("cancelled"), "cancelled"],
  ]);
}

/** The number of files by the server's reply: "12 new, 3 already in album, 1 in trash". `unchecked` is the number of files without a reply. */
export function preflightCounts(items, unchecked) {
  const count = (...states) => items.filter(({ serverState }) => states.includes(serverState)).length;
  return listCounts([
    [count("new", "half", "later", "elsewhere"), "new"],
    [count("here"), SERVER_STATES.here],
    [count("twice"), SERVER_STATES.twice],
    [count("trash"), "in trash"],
    [count("refused"), "rejected"],
    [count("skipped"), "companion files"],
    [unchecked, "being checked"],
  ]);
}

/** Notes about chosen files that are not sent: companions as a number, unsupported files by name. */
export function skippedNotes({ companions, unsupported }) {
  const names = unsupported.map(({ path }) => path);
  const isLong = names.length > MAX_NAMED;
  const listed = isLong ? `${names.slice(0, MAX_NAMED).join(", ")} and ${names.length - MAX_NAMED} more` : names.join(", ");
  return [
    names.length &&
      `Skipped ${plural(names.length, "unsupported file")}: ${listed}. ` +
        `If ${names.length === 1 ? "it" : "one"} is a photo, select the file itself.${isLong ? " The receipt lists all." : ""}`,
    companions.length && `${plural(companions.length, "companion file")} skipped (thumbnails, edit lists and system files).`,
  ].filter(Boolean);
}

/** Why nothing is sent, and what to do; undefined while the connection is open. */
export function connectionProblem(state, message = "") {
  return {
    offline: "You’re offline. Upload resumes when you reconnect.",
    unreachable: "Can’t reach the server. Retrying automatically.",
    "signed-out": "You’ve been signed out. Upload resumes when you sign in again.",
    busy: `${message || "The server is busy."} Retrying automatically.`,
  }[state];
}

/** What the server said about the file before it is sent, or the progress of its checksum. */
function hint({ serverState, hashedBytes, size }) {
  if (SERVER_STATES[serverState]) return SERVER_STATES[serverState];
  return hashedBytes === null ? "" : `checking, ${Math.floor((100 * hashedBytes) / size)} %`;
}

function joined(...texts) {
  return texts.filter(Boolean).join(", ");
}

function listCounts(counts) {
  return counts.filter(([count]) => count).map(([count, text]) => `${count} ${text}`).join(", ");
}

function percentSent({ offset, inFlight, size }) {
  return size ? Math.floor((100 * Math.min(size, offset + inFlight)) / size) : 0;
}
