/* Where a photo is dropped: before or behind a tile. */
import { nearestInNextRow } from "../grid/focus-keys.js";
import { TILE } from "../grid/tile-order.js";

export function tilesOf(list) {
  return [...list.querySelectorAll(`:scope > ${TILE}`)];
}

export function photoId(tile) {
  return tile.id.replace("photo-", "");
}

/** The slot under the pointer: that of the tile's nearer side, or that behind the last tile; null elsewhere. */
export function slotAt(list, x, y) {
  const tile = document.elementsFromPoint(x, y).map((element) => element.closest(TILE)).find((candidate) => candidate?.parentElement === list);
  if (tile) {
    const { left, width } = tile.getBoundingClientRect();
    return { tile, isBehind: x > left + width / 2 };
  }
  const last = tilesOf(list).at(-1);
  const box = last.getBoundingClientRect();
  const isBehindLast = y > box.bottom || (y >= box.top && x > box.right);
  return isBehindLast ? { tile: last, isBehind: true } : null;
}

/** The tile whose place a tile at `current` takes with this key; null for another key, or at the edge. Pure but for the boxes. */
export function tileForKey(key, tiles, current) {
  const index = tiles.indexOf(current);
  if (key === "ArrowLeft") return tiles[index - 1] ?? null;
  if (key === "ArrowRight") return tiles[index + 1] ?? null;
  if (key === "ArrowUp") return nearestInNextRow(current, tiles.slice(0, index).reverse()) ?? null;
  if (key === "ArrowDown") return nearestInNextRow(current, tiles.slice(index + 1)) ?? null;
  if (key === "Home") return tiles[0];
  if (key === "End") return tiles.at(-1);
  return null;
}

/** The slot in which a moved tile takes the place of another one; null if that is itself. */
export function slotInPlaceOf(tiles, moved, other) {
  if (moved === other) return null;
  return { tile: other, isBehind: tiles.indexOf(other) > tiles.indexOf(moved) };
}

/** Whether dropping the tile there would leave it where it is. */
export function isOwnPlace(tiles, moved, { tile, isBehind }) {
  const index = tiles.indexOf(moved);
  return tile === moved || tile === tiles[isBehind ? index - 1 : index + 1];
}
