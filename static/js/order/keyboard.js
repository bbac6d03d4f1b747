/* Moves a photo by keyboard: M on a tile, then the arrow keys, Home and End; Enter drops it, Escape leaves it where it is. */
import { TILE } from "../grid/tile-order.js";
import { isTyping } from "../typing.js";
import { Indicator } from "./indicator.js";
import { slotInPlaceOf, tileForKey, tilesOf } from "./slot.js";

const HELP = "Arrow keys, Home and End choose the position, Enter moves the photo there, Escape cancels.";

export class KeyboardMove {
  #list;
  #announce;
  #numberOf;
  #onDrop;
  #indicator;
  #moved = null; // the tile, while it is being moved
  #place = null; // the tile whose place it takes
  #first = null; // { number, count } of where it is

  /** `numberOf(tile)` returns a promise of its number and the count of photos; `onDrop(tile, slot)` is called at the end. */
  constructor(list, { announce, numberOf, onDrop }) {
    this.#list = list;
    this.#announce = announce;
    this.#numberOf = numberOf;
    this.#onDrop = onDrop;
    this.#indicator = new Indicator(list);
    // Before the listeners that move the focus and end a selection.
    list.addEventListener("keydown", this.#onKeyDown, true);
    list.addEventListener("focusout", () => this.#moved && this.#end("Move cancelled."));
  }

  #onKeyDown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat && !event.key.startsWith("Arrow")) return;
    const tile = event.target.closest(TILE);
    if (!tile || isTyping(event.target)) return;
    if (this.#moved ? this.#move(event.key) : event.key.toLowerCase() === "m" && this.#begin(tile)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  #begin(tile) {
    this.#moved = this.#place = tile;
    tile.classList.add("tile--moved");
    this.#numberOf(tile).then(
      (first) => {
        this.#first = first;
        this.#tell(`Moving ${nameOf(tile)}, `, `. ${HELP}`);
      },
      () => this.#end("Can’t reach the server. Try again."),
    );
    return true;
  }

  /** Returns true for keys that it uses. */
  #move(key) {
    if (key === "Escape") return this.#end("Move cancelled.");
    if (key === "Enter" || key === " ") return this.#drop();
    if (key === "Tab") return false;
    const tile = tileForKey(key, tilesOf(this.#list), this.#place);
    if (tile) {
      this.#place = tile;
      this.#indicator.show(slotInPlaceOf(tilesOf(this.#list), this.#moved, tile));
      tile.scrollIntoView({ block: "nearest", behavior: "instant" });
      this.#tell(`${nameOf(this.#moved)}, `);
    }
    return true;
  }

  #drop() {
    const moved = this.#moved;
    const slot = slotInPlaceOf(tilesOf(this.#list), moved, this.#place);
    this.#end(slot ? "" : "The photo stays where it is.");
    if (slot) this.#onDrop(moved, slot);
    return true;
  }

  #end(message) {
    this.#moved.classList.remove("tile--moved");
    this.#indicator.show(null);
    this.#moved = this.#place = this.#first = null;
    this.#announce(message);
    return true;
  }

  #tell(before, after = "") {
    if (!this.#first) return;
    const tiles = tilesOf(this.#list);
    const number = this.#first.number + tiles.indexOf(this.#place) - tiles.indexOf(this.#moved);
    this.#announce(`${before}position ${number} of ${this.#first.count}${after}`);
  }
}

export function nameOf(tile) {
  return tile.dataset.name ?? tile.querySelector("img")?.alt ?? "Photo";
}
