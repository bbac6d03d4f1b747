/* Hides the viewer's controls while the mouse rests. Using the keyboard shows them until the mouse moves again. */

const IDLE_MS = 3000;
const IN_USE = ":focus-visible, #viewer-info[open], #viewer-more[open], dialog[open]";

export class Idle {
  #viewer;
  #timer;

  constructor(viewer) {
    this.#viewer = viewer;
    for (const type of ["pointermove", "pointerdown"]) viewer.addEventListener(type, this.#onPointer);
    this.show();
  }

  /** Shows the controls and, unless `isLasting`, hides them after a while. */
  show({ isLasting = false } = {}) {
    clearTimeout(this.#timer);
    this.#viewer.removeAttribute("data-idle");
    if (!isLasting) this.#timer = setTimeout(() => this.hide(), IDLE_MS);
  }

  hide() {
    const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!isReduced && !this.#viewer.querySelector(IN_USE)) this.#viewer.setAttribute("data-idle", "");
  }

  toggle() {
    if (this.#viewer.hasAttribute("data-idle")) this.show();
    else this.hide();
  }

  /** The browser also reports moves when the page changes under a mouse that rests, and fingers show the controls by a tap. */
  #onPointer = ({ type, pointerType, movementX, movementY }) => {
    if (pointerType === "touch") return;
    if (type === "pointerdown" || movementX || movementY) this.show();
  };
}
