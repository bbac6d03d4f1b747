/* Arrow keys, Home and End move the focus between the tiles of a grid. */
import { TILE } from "./tile-order.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export function onKeyDown(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  const tile = event.target.closest?.(TILE);
  const next = tile && neighbour(event.key, tile);
  if (!next) return;
  event.preventDefault();
  next.querySelector("a").focus();
}

/** Returns the tile that the key leads to; undefined if there is none. */
export function neighbour(key, tile) {
  const tiles = [...tile.parentElement.querySelectorAll(`:scope > ${TILE}`)];
  if (key === "Home") return tiles[0];
  if (key === "End") return tiles.at(-1);
  const index = tiles.indexOf(tile);
  if (key in STEPS) return tiles[index + STEPS[key]];
  if (key === "ArrowUp") return nearestInNextRow(tile, tiles.slice(0, index).reverse());
  if (key === "ArrowDown") return nearestInNextRow(tile, tiles.slice(index + 1));
}

/** Returns the tile of the next row that is nearest in the horizontal direction. `others` begin with the one next to the tile. */
export function nearestInNextRow(tile, others) {
  const { top, ...start } = box(tile);
  let rowTop, nearest, least = Infinity;
  for (const other of others) {
    const place = box(other);
    if (Math.abs(place.top - top) < 2) continue;
    rowTop ??= place.top;
    if (Math.abs(place.top - rowTop) >= 2) break;
    const distance = Math.abs(place.center - start.center);
    if (distance < least) [nearest, least] = [other, distance];
  }
  return nearest;
}

function box(tile) {
  const { top, left, width } = tile.getBoundingClientRect();
  return { top, center: left + width / 2 };
}
