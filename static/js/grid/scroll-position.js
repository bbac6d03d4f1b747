/* The scroll position of a grid whose windows are loaded on demand. The history entry names a window that contains the first visible
   photo, so that the browser's Back button, and a reload, return to it. */
import { take } from "./last-photo.js";
import { TILE } from "./tile-order.js";

const PHOTOS_ABOVE = 40; // same as in albums/grid/windows.py

/** Records the first visible tile in the history entry. `focused` is the tile to focus on return, if any. */
export function save(list, focused) {
  const tiles = [...list.querySelectorAll(`:scope > ${TILE}`)];
  const index = firstVisible(tiles);
  if (index < 0) return;
  const tile = tiles[index];
  const state = { id: tile.id, position: tile.dataset.position, top: tile.getBoundingClientRect().top, focused: focused?.id };
  const isFromStart = index < PHOTOS_ABOVE && !list.querySelector(":scope > .grid__edge--prev");
  const first = tiles[Math.max(0, index - PHOTOS_ABOVE)];
  history.replaceState({ ...history.state, grid: state }, "", windowUrl(isFromStart ? null : placeOf(first)));
}

/** The tile's position, with the photo's id if a tile beside it has the same position, as photos without a date in search results. */
function placeOf(tile) {
  const { position } = tile.dataset;
  const neighbours = [tile.previousElementSibling, tile.nextElementSibling];
  const isTied = neighbours.some((other) => other?.dataset.position === position);
  return isTied ? `${position}-${tile.id.replace("photo-", "")}` : position;
}

/** The URL of the window that begins at the position. The other parameters, such as a search, are kept. */
function windowUrl(position) {
  const url = new URL(location.href);
  for (const name of ["after", "before", "from"]) url.searchParams.delete(name);
  if (position !== null) url.searchParams.set("from", position);
  return url.pathname + url.search;
}

/** Scrolls to the photo that the history entry records, or to the one after it if it was deleted. If the viewer has shown other photos since,
    the last of them becomes visible and has the focus. */
export function restore(list) {
  const saved = history.state?.grid;
  const last = take();
  if (!saved) return focusTarget(list);
  const tiles = [...list.querySelectorAll(`:scope > ${TILE}`)];
  const tile = tiles.find(({ id }) => id === saved.id) ?? tiles.find(({ dataset }) => Number(dataset.position) >= Number(saved.position));
  if (tile) scrollTo(tile, saved.top);
  if (last && last.id !== saved.focused) showLast(list, last);
  else if (saved.focused) focus(list.querySelector(`#${saved.focused}`));
}

/** As restore(), for a page that the browser has kept in memory with its scroll position. */
export function restoreKept(list) {
  const last = take();
  if (last) showLast(list, last);
}

/* A photo far from the one that was opened is in another window of the album. */
function showLast(list, { id, url }) {
  const tile = list.querySelector(`#${id}`);
  if (!tile) return location.replace(url);
  const { top, bottom } = tile.getBoundingClientRect();
  const { scrollPaddingTop, scrollPaddingBottom } = getComputedStyle(document.documentElement);
  const isVisible = top >= parseFloat(scrollPaddingTop) && bottom <= innerHeight - parseFloat(scrollPaddingBottom);
  if (!isVisible) tile.scrollIntoView({ block: "center", behavior: "instant" });
  focus(tile);
}

/** Returns a function that scrolls the photos that are visible now back to their place. Until the next frame, it replaces the
    browser's own scroll anchoring, which does nothing at the top of the page. */
export function anchor(list) {
  const tiles = [...list.querySelectorAll(`:scope > ${TILE}`)];
  const tile = tiles[firstVisible(tiles)];
  const top = tile?.getBoundingClientRect().top;
  list.style.overflowAnchor = "none";
  requestAnimationFrame(() => requestAnimationFrame(() => (list.style.overflowAnchor = "")));
  return () => tile && scrollTo(tile, top);
}

function scrollTo(tile, top) {
  scrollBy({ top: tile.getBoundingClientRect().top - top, behavior: "instant" });
}

/* The browser takes the focus away when it scrolls to the fragment, while the page is loading. */
function focusTarget(list) {
  if (!/^#photo-\d+$/.test(location.hash)) return;
  const tile = list.querySelector(location.hash);
  focus(tile);
  addEventListener("load", () => document.activeElement === document.body && focus(tile), { once: true });
}

function focus(tile) {
  tile?.querySelector("a").focus({ preventScroll: true });
}

/* Tiles are in rows from top to bottom, so the first one whose bottom is on the screen is found by bisection. */
function firstVisible(tiles) {
  let low = 0;
  let high = tiles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tiles[middle].getBoundingClientRect().bottom > 0) high = middle;
    else low = middle + 1;
  }
  return low < tiles.length ? low : -1;
}
