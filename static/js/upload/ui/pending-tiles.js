/* Dimmed tiles at the end of the album's grid for files that are being uploaded, drawn from the files themselves. The tile of the finished photo
   takes the place of the file's tile, found by name; it has the same shape, so that nothing moves. A file that becomes no photo of its own loses
   its tile. */
import { fileExtension } from "../../format.js";
import { isInProgress } from "../state/file-store.js";
import { LEADING, STILLS } from "./formats.js";
import { aspectRatio, shapeClasses } from "./picture-size.js";
import { preview } from "./previews.js";

const MAX_TILES = 100;
const EDGE_PIXELS = 256;
const OWN_ROW_TILES = 5; // fewer usually fit into the last row
const PHOTO_TILE = ".tile:not(.tile--pending)";

export class PendingTiles {
  #grid = null;
  #wanted = [];
  #tiles = new Map();
  #shapes = new WeakMap();
  #isMeasuring = false;
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
    this.#wanted = grid ? this.#selectWanted(items).slice(0, MAX_TILES) : [];
    const shown = new Set(this.#wanted);
    for (const [item, tile] of this.#tiles) if (!shown.has(item)) this.#remove(item, tile);
    this.#append();
  }

  /** Appends the tiles that are missing: all at once, when all their shapes are known. A tile that changed its shape would move the others. */
  async #append() {
    const items = this.#wanted.filter((item) => !this.#tiles.has(item));
    const unknown = items.filter((item) => !this.#shapes.has(item));
    if (!unknown.length) {
      if (items.length >= OWN_ROW_TILES && !this.#tiles.size) this.#beginRow();
      for (const item of items) this.#tiles.set(item, createTile(item, this.#shapes.get(item)));
      if (items.length) this.#grid.append(...items.map((item) => this.#tiles.get(item)));
    } else if (!this.#isMeasuring) {
      this.#isMeasuring = true;
      await Promise.all(unknown.map(async (item) => this.#shapes.set(item, shapeClasses(await aspectRatio(item.file)))));
      this.#isMeasuring = false;
      this.#append();
    }
  }

  /** Ends a visible last row, as templates/photo/_window.html does: more tiles in it would move its photos. */
  #beginRow() {
    const last = this.#grid.lastElementChild;
    if (!last?.matches(PHOTO_TILE) || last.getBoundingClientRect().top > innerHeight) return;
    for (const className of ["grid__filler", "grid__break"]) this.#grid.append(Object.assign(document.createElement("li"), { className, ariaHidden: "true" }));
  }

  #observe(grid) {
    this.#observer.disconnect();
    this.#grid = grid;
    this.#wanted = [];
    for (const [item, tile] of this.#tiles) this.#remove(item, tile);
    if (grid) this.#observer.observe(grid, { childList: true });
  }

  #remove(item, tile) {
    tile.remove();
    this.#tiles.delete(item);
  }

  #selectWanted(items) {
    const photoNames = new Set([...this.#grid.querySelectorAll(PHOTO_TILE)].map(nameOf));
    // The picture that a camera stores beside a RAW file of the same name represents both.
    const pictures = new Set(items.filter((item) => LEADING.includes(extensionOf(item))).map(stem));
    return items.filter((item) => {
      if (!item.file || this.#finished.has(item) || hasTile(item.photo)) return false;
      // A file of the same name as a photo may be that photo, until the server has replied: its tile would disappear again.
      if (item.state === "pending" && photoNames.has(item.name)) return false;
      const isExpected = isInProgress(item) || (item.state === "received" && !item.message);
      const isRawHalf = !LEADING.includes(extensionOf(item)) && pictures.has(stem(item));
      return isExpected && !isRawHalf && STILLS.includes(extensionOf(item));
    });
  }

  /** Puts a photo's new tile where its file's tile is, or else before all files' tiles. A new version of a tile stays where <photo-grid> puts it. */
  #place(tile) {
    if (!tile.matches?.(PHOTO_TILE) || this.#placed.has(tile) || tile.parentElement !== this.#grid) return;
    this.#placed.add(tile);
    const name = nameOf(tile);
    const item = this.#wanted.find((candidate) => candidate.name === name && !this.#finished.has(candidate));
    const [first] = this.#tiles.values();
    const focused = tile.contains(document.activeElement) ? document.activeElement : null; // moving an element takes the focus from it
    if (item) this.#finish(item, tile);
    else if (!this.#finishedNames.has(name) && isBefore(first, tile)) first.before(tile);
    focused?.focus({ preventScroll: true });
  }

  #finish(item, tile) {
    this.#finished.add(item);
    this.#finishedNames.add(item.name);
    this.#wanted = this.#wanted.filter((other) => other !== item);
    this.#tiles.get(item)?.replaceWith(tile);
    this.#tiles.delete(item);
  }
}

function extensionOf({ name }) {
  return fileExtension(name).toLowerCase();
}

function stem(item) {
  return (item.path || item.name).toLowerCase().slice(0, -extensionOf(item).length - 1);
}

function nameOf(tile) {
  return tile.dataset.name ?? tile.querySelector("img")?.alt;
}

function isBefore(element, other) {
  return element && element.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
}

/** Whether the grid has a tile for the photo, or one that represents it and others. */
function hasTile(url) {
  const id = url?.match(/\/photos\/(\d+)\//)?.[1];
  return Boolean(id && document.querySelector(`#photo-${id}, .tile[data-shows-for~="${id}"]`));
}

function createTile({ name, file }, shape) {
  const tile = Object.assign(document.createElement("li"), { className: ["tile", "tile--pending", ...shape].join(" ") });
  const box = Object.assign(document.createElement("span"), { className: "frame tile__preview", textContent: fileExtension(name), ariaHidden: "true" });
  tile.dataset.name = name;
  tile.append(box, Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: `${name}, uploading` }));
  preview(file, box, EDGE_PIXELS);
  return tile;
}
