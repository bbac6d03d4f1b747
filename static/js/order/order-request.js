/* Requests to the server about the order of an album, and what they change on the page. */
import { csrfToken } from "../csrf.js";
import { photoId, tilesOf } from "./slot.js";

const JSON_ONLY = { Accept: "application/json" };

/** The server refuses the move: the photo, or the one next to it, is no longer in the album. */
export class RefusedError extends Error {}

export function urlOf(tile) {
  return `/photos/${photoId(tile)}/place/`;
}

/** Returns the photo's number in its album and the count of photos. */
export async function numberOf(tile) {
  return read(await fetch(urlOf(tile), { headers: JSON_ONLY }));
}

/** Moves the photo to the slot. Returns the changed positions by id, the toast's HTML, and the URL of a page with the photo. */
export async function place(tile, slot) {
  const body = new URLSearchParams({
    [slot.isBehind ? "after" : "before"]: photoId(slot.tile),
    manual: "1",
    next: location.pathname + location.search,
  });
  return read(await fetch(urlOf(tile), { method: "POST", body, headers: { ...JSON_ONLY, "X-CSRFToken": csrfToken() } }));
}

/** Gives tiles their new positions, moves the tile, and lets the links to other windows begin at the tiles next to them. */
export function apply(list, tile, slot, positions) {
  for (const shownTile of tilesOf(list)) shownTile.dataset.position = positions[photoId(shownTile)] ?? shownTile.dataset.position;
  if (slot.isBehind) slot.tile.after(tile);
  else slot.tile.before(tile);
  const tiles = tilesOf(list);
  renew(list.querySelector(":scope > .grid__edge--prev"), "before", tiles[0]);
  renew(list.querySelector(":scope > .grid__edge--next"), "after", tiles.at(-1));
}

function renew(edge, name, tile) {
  if (!edge) return;
  const query = `?${name}=${tile.dataset.position}-${photoId(tile)}`;
  const replaced = (url) => url.replace(/\?.*/, query);
  const link = edge.querySelector("a");
  link.href = replaced(link.getAttribute("href"));
  // htmx has read the attribute already.
  const reach = edge.querySelector(".grid__reach");
  const renewed = reach.cloneNode(true);
  renewed.setAttribute("hx-get", replaced(reach.getAttribute("hx-get")));
  reach.replaceWith(renewed);
  window.htmx?.process(renewed);
}

async function read(response) {
  if (response.status === 404 || response.status === 422) throw new RefusedError();
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.json();
}
