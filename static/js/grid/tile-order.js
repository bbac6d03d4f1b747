/* The order of tiles. A window of the album may begin and end anywhere: tiles of other windows are not placed. */

export const TILE = ".tile[data-position]";

/** Moves a new tile to its place. Returns false, with the tile removed, if its place is in a window that is not loaded. */
export function place(tile) {
  const list = tile.parentElement;
  const isAppended = isBehind(tile, list.querySelector(":scope > .grid__edge--next"));
  const last = tileBefore(tile);
  let before = last;
  while (before && isBefore(tile, before)) before = tileBefore(before);
  if (!isAppended && before === last) return true; // in order; tiles of files that are being uploaded may be between the two
  const isOutside = before ? isAppended && before === last : list.querySelector(":scope > .grid__edge--prev");
  if (isOutside) tile.remove();
  else if (before) before.after(tile);
  else list.prepend(tile);
  return !isOutside;
}

/* The tiles of a window are before the link to the next one. Those that the upload panel appends to the list are behind it. */
function isBehind(tile, edge) {
  return Boolean(edge && edge.compareDocumentPosition(tile) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function tileBefore(element) {
  let before = element.previousElementSibling;
  while (before && !before.matches(TILE)) before = before.previousElementSibling;
  return before;
}

function isBefore(tile, other) {
  const distance = Number(tile.dataset.position) - Number(other.dataset.position);
  return distance < 0 || (distance === 0 && photoId(tile) < photoId(other));
}

function photoId(tile) {
  return Number(tile.id.replace("photo-", ""));
}
