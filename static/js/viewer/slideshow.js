/* The slideshow: shows the next photo after a while, until the last one. */

const SLIDE_MS = 5000;

export class Slideshow {
  #viewer;
  #handlers;
  #timer;

  /** `viewer` is the element, which has the attribute data-slideshow while it plays. `handlers`: `next()`, `hasNext()`, `isHeld()` (whether
      the photo is being looked at) and `announce(text)`. */
  constructor(viewer, handlers) {
    this.#viewer = viewer;
    this.#handlers = handlers;
  }

  get isPlaying() {
    return this.#viewer.hasAttribute("data-slideshow");
  }

  toggle() {
    this.set(!this.isPlaying);
  }

  /** Starts or ends it, and begins the time of the current photo. */
  set(isPlaying) {
    clearTimeout(this.#timer);
    const isPossible = isPlaying && this.#handlers.hasNext();
    if (isPossible !== this.isPlaying) this.#handlers.announce(isPossible ? "Slideshow started." : "Slideshow stopped.");
    this.#viewer.toggleAttribute("data-slideshow", isPossible);
    this.#viewer.querySelector("#viewer-slideshow")?.setAttribute("aria-pressed", String(isPossible));
    if (isPossible) this.#timer = setTimeout(this.#onTime, SLIDE_MS);
  }

  #onTime = () => {
    if (document.hidden || this.#handlers.isHeld()) this.set(true);
    else this.#handlers.next();
  };
}
