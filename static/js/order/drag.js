/* Drags tiles with the mouse, and in Move mode with a finger too. Scrolls at the edges of the screen. */
import { TILE } from "../grid/tile-order.js";
import { Indicator } from "./indicator.js";
import { slotAt } from "./slot.js";

const MIN_DISTANCE = 6; // pixels that a click may move
const EDGE = 72; // pixels from the edge of the screen in which it scrolls
const SPEED = 16; // pixels per frame at the edge itself

export class Drag {
  #list;
  #isTouchAllowed;
  #onDrop;
  #indicator;
  #start = null; // where the pointer went down
  #ghost = null; // the picture under the pointer, while dragging
  #point = null;
  #slot = null;
  #frame;

  /** `onDrop(tile, slot)` is called at the end. `isTouchAllowed()`: whether a finger drags instead of scrolling. */
  constructor(list, { isTouchAllowed, onDrop }) {
    this.#list = list;
    this.#isTouchAllowed = isTouchAllowed;
    this.#onDrop = onDrop;
    this.#indicator = new Indicator(list);
    list.addEventListener("pointerdown", this.#onDown);
    list.addEventListener("dragstart", (event) => event.preventDefault()); // the browser would drag the link
  }

  /** Ends a drag without dropping. */
  cancel = () => {
    if (this.#ghost) this.#start.tile.classList.remove("tile--moved");
    this.#ghost?.remove();
    this.#indicator.show(null);
    cancelAnimationFrame(this.#frame);
    this.#start = this.#ghost = this.#slot = null;
    for (const [name, listener] of this.#listeners) document.removeEventListener(name, listener, true);
  };

  #onDown = (event) => {
    const tile = event.target.closest(TILE);
    const isAllowed = event.pointerType === "mouse" || this.#isTouchAllowed();
    if (!tile || event.button || !event.isPrimary || !isAllowed || hasModifier(event) || event.target.closest("button, label, input:not(.tile__check)")) return;
    this.#start = { tile, x: event.clientX, y: event.clientY };
    for (const [name, listener] of this.#listeners) document.addEventListener(name, listener, true);
  };

  #onMove = (event) => {
    const { clientX: x, clientY: y } = event;
    this.#point = { x, y };
    if (!this.#ghost) {
      if (Math.hypot(x - this.#start.x, y - this.#start.y) < MIN_DISTANCE) return;
      this.#begin();
    }
    event.preventDefault();
  };

  #begin() {
    const image = this.#start.tile.querySelector("img");
    this.#ghost = document.createElement("div");
    this.#ghost.className = "drag-ghost";
    if (image) this.#ghost.append(Object.assign(new Image(), { src: image.currentSrc || image.src, alt: "" }));
    document.body.append(this.#ghost);
    this.#start.tile.classList.add("tile--moved");
    this.#frame = requestAnimationFrame(this.#draw);
  }

  #draw = () => {
    const { x, y } = this.#point;
    this.#ghost.style.translate = `${x}px ${y}px`;
    scrollBy({ top: scrollSpeed(y, innerHeight), behavior: "instant" });
    this.#slot = slotAt(this.#list, x, y) ?? this.#slot;
    this.#indicator.show(this.#slot);
    this.#frame = requestAnimationFrame(this.#draw);
  };

  #onUp = () => {
    const { tile } = this.#start;
    const slot = this.#ghost && (slotAt(this.#list, this.#point.x, this.#point.y) ?? this.#slot);
    if (this.#ghost) suppressClick();
    this.cancel();
    if (slot) this.#onDrop(tile, slot);
  };

  #onKey = (event) => {
    if (event.key !== "Escape" || !this.#ghost) return;
    event.preventDefault();
    event.stopPropagation();
    suppressClick();
    this.cancel();
  };

  #listeners = [
    ["pointermove", this.#onMove],
    ["pointerup", this.#onUp],
    ["pointercancel", this.cancel],
    ["keydown", this.#onKey],
  ];
}

/** Pixels per frame to scroll with the pointer at this height: negative at the top, positive at the bottom. Pure. */
export function scrollSpeed(y, height) {
  if (y < EDGE) return -SPEED * Math.min(1, (EDGE - y) / EDGE);
  if (y > height - EDGE) return SPEED * Math.min(1, (y - height + EDGE) / EDGE);
  return 0;
}

function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }) {
  return altKey || ctrlKey || metaKey || shiftKey;
}

/* The click after a drag would open the photo. */
function suppressClick() {
  const stop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }), 300);
}
