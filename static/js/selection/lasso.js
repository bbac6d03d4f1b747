/* A rectangle that is drawn with the mouse, from a place without controls. Near the edge of the screen, the page scrolls. */

const MIN_PX = 6; // less is a click
const EDGE_PX = 48;
const SCROLL_PX = 16;

export class Lasso {
  #frame = Object.assign(document.createElement("div"), { className: "lasso", ariaHidden: "true" });
  #start = null;
  #pointer = null;
  #isDrawn = false;
  #canStart;
  #onStart;
  #onChange;
  #stop = new AbortController();

  /** `canStart(event)`: whether a rectangle may begin there. `onChange(rectangle)` gets client coordinates. */
  constructor({ canStart, onStart, onChange }) {
    [this.#canStart, this.#onStart, this.#onChange] = [canStart, onStart, onChange];
    const on = (name, listener, options) => document.addEventListener(name, listener, { signal: this.#stop.signal, ...options });
    on("pointerdown", this.#onDown);
    on("pointermove", this.#onMove);
    on("pointerup", this.#onUp);
    on("pointercancel", this.#onUp);
    on("dragstart", (event) => this.#start && event.preventDefault());
    on("selectstart", (event) => this.#isDrawn && event.preventDefault());
    on("click", this.#onClick, { capture: true });
  }

  disconnect() {
    this.#stop.abort();
    this.#frame.remove();
  }

  #wasDrawn = false;

  #onDown = (event) => {
    this.#wasDrawn = false;
    if (event.pointerType !== "mouse" || event.button || !this.#canStart(event)) return;
    this.#start = { x: event.clientX, y: event.clientY + scrollY };
  };

  #onMove = (event) => {
    if (!this.#start) return;
    this.#pointer = { x: event.clientX, y: event.clientY };
    const distance = Math.hypot(event.clientX - this.#start.x, event.clientY + scrollY - this.#start.y);
    if (!this.#isDrawn && distance < MIN_PX) return;
    if (!this.#isDrawn) this.#begin();
    this.#draw();
  };

  #onUp = () => {
    this.#wasDrawn = this.#isDrawn;
    this.#start = null;
    this.#isDrawn = false;
    this.#frame.remove();
  };

  /* The click that ends a rectangle is none on the element below it. */
  #onClick = (event) => {
    if (!this.#wasDrawn) return;
    this.#wasDrawn = false;
    event.preventDefault();
    event.stopPropagation();
  };

  #begin() {
    this.#isDrawn = true;
    this.#onStart();
    document.body.append(this.#frame);
    this.#scroll();
  }

  #draw() {
    const [x, y] = [this.#start.x, this.#start.y - scrollY];
    const left = Math.min(x, this.#pointer.x);
    const top = Math.min(y, this.#pointer.y);
    const rectangle = new DOMRect(left, top, Math.abs(x - this.#pointer.x), Math.abs(y - this.#pointer.y));
    Object.assign(this.#frame.style, { left: `${left}px`, top: `${top}px`, width: `${rectangle.width}px`, height: `${rectangle.height}px` });
    this.#onChange(rectangle);
  }

  #scroll = () => {
    if (!this.#isDrawn) return;
    const step = this.#pointer.y < EDGE_PX ? -SCROLL_PX : this.#pointer.y > innerHeight - EDGE_PX ? SCROLL_PX : 0;
    if (step) {
      scrollBy({ top: step, behavior: "instant" });
      this.#draw();
    }
    requestAnimationFrame(this.#scroll);
  };
}

/** Whether two rectangles overlap. Pure. */
export function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
