/* Dimmed tiles at the end of the album's grid for files that are being uploaded, drawn from the files themselves. The tile of the finished photo
   takes the place of the file's tile, found by name; a RAW file or a duplicate may get none, and then its tile is only removed. */
import { fileExtension } from "../../format.js";
import { isInProgress } from "../state/file-store.js";
import { STILLS } from "./formats.js";
import { preview } from "./previews.js";

const MAX_TILES = 100;
const EDGE_PIXELS = 256;
const PHOTO_TILE = ".tile:not(.tile--pending)";

export class PendingTiles {
  #grid = null;
  #tiles = new Map();
  #finished = new WeakSet();
  #finishedNames = new Set();
  #placed = new WeakSet();
  #observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => this.#place(node))));

  constructor(signal) {
    signal.addEventListener("abort", () => this.render([], null));
  }

  /** Shows the first of the items that are not photos yet in `grid`; null if the page does not show the end of the album. */
  render(items, grid) {
    if (grid !== this.#grid) this.#observe(grid);
    const wanted = new Set((grid ? items : []).filter((item) => this.#isWanted(item)).slice(0, MAX_TILES));
    for (const [item, tile] of this.#tiles) if (!wanted.has(item)) this.#remove(item, tile);
    const newItems = [...wanted].filter((item) => !this.#tiles.has(item));
    for (const item of newItems) this.#tiles.set(item, createTile(item));
    if (newItems.length) grid.append(...newItems.map((item) => this.#tiles.get(item)));
  }

  #observe(grid) {
    this.#observer.disconnect();
    this.#grid = grid;
    for (const [item, tile] of this.#tiles) this.#remove(item, tile);
    if (grid) this.#observer.observe(grid, { childList: true });
  }

  #remove(item, tile) {
    tile.remove();
    this.#tiles.delete(item);
  }

  #isWanted(item) {
    const isExpected = isInProgress(item) || (item.state === "received" && !item.message);
    return isExpected && item.file && STILLS.includes(fileExtension(item.name).toLowerCase()) && !this.#finished.has(item) && !hasTile(item.photo);
  }

  /** Puts a photo's new tile where its file's tile is, or else before all files' tiles. A new version of a tile stays where <photo-grid> puts it. */
  #place(tile) {
    if (!tile.matches?.(PHOTO_TILE) || this.#placed.has(tile) || tile.parentElement !== this.#grid) return;
    this.#placed.add(tile);
    const [first] = this.#tiles.values();
    const photoName = tile.dataset.name ?? tile.querySelector("img")?.alt;
    const [item, pending] = [...this.#tiles].find(([{ name }]) => name === photoName) ?? [];
    const focused = tile.contains(document.activeElement) ? document.activeElement : null; // moving an element takes the focus from it
    if (pending) {
      this.#finished.add(item);
      this.#finishedNames.add(photoName);
      this.#tiles.delete(item);
      pending.replaceWith(tile);
    } else if (!this.#finishedNames.has(photoName) && first?.compareDocumentPosition(tile) & Node.DOCUMENT_POSITION_FOLLOWING) first.before(tile);
    focused?.focus({ preventScroll: true });
  }
}

/** Whether the grid has a tile for the photo, or one that stands for it and others. */
function hasTile(url) {
  const id = url?.match(/\/photos\/(\d+)\//)?.[1];
  return Boolean(id && document.querySelector(`#photo-${id}, .tile[data-shows-for~="${id}"]`));
}

function createTile({ name, file }) {
  const tile = Object.assign(document.createElement("li"), { className: "tile tile--pending" });
  const box = Object.assign(document.createElement("span"), { className: "frame tile__preview", textContent: fileExtension(name), ariaHidden: "true" });
  tile.dataset.name = name;
  tile.append(box, Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: `${name}, uploading` }));
  preview(file, box, EDGE_PIXELS);
  return tile;
}
