/* Files about which the user has to decide before they are sent: their bytes are in the album's trash, or in another album. Pure. */
import { plural } from "../../format.js";

const MAX_NAMED = 5;

/** The held files that wait for a decision about "elsewhere" or "trash". */
export function undecided(items, serverState) {
  return items.filter((item) => item.state === "held" && !item.choice && item.serverState === serverState);
}

/** Held files for which the user chose a copy that the server has not made yet. */
export function toDeclareAgain(items) {
  return items.filter(({ state, choice, serverState }) => state === "held" && choice === "copy" && serverState === "elsewhere");
}

/** Whether a file can be declared: only to send it, the page needs access to it. */
export function canDeclare({ file, choice }) {
  return Boolean(file || (choice && choice !== "upload"));
}

/** The questions {elsewhere, trash} about the held files; "" if there is none. */
export function questions(items) {
  const [elsewhere, trash] = [undecided(items, "elsewhere"), undecided(items, "trash")];
  return {
    elsewhere: elsewhere.length ? `${subject(elsewhere.length)} already in other albums: ${albumCounts(elsewhere)}.` : "",
    trash: trash.length ? `${subject(trash.length)} in this album’s trash.` : "",
  };
}

function subject(count) {
  return count === 1 ? "1 of these photos is" : `${count} of these photos are`;
}

/** "Rome (10), Lisbon (2)", the albums with most files first. */
function albumCounts(items) {
  const counts = new Map();
  for (const { otherAlbum } of items) counts.set(otherAlbum, (counts.get(otherAlbum) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const named = sorted.slice(0, MAX_NAMED).map(([title, count]) => `${title} (${count})`);
  return sorted.length > MAX_NAMED ? `${named.join(", ")} and ${plural(sorted.length - MAX_NAMED, "more album")}` : named.join(", ");
}
