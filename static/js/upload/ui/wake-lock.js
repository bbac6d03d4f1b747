/* While bytes move: the screen stays awake, since a phone that sleeps stops sending, and whoever leaves is warned. */

export class Wakefulness {
  #isMoving = false;
  #lock = null;

  constructor(signal) {
    document.addEventListener("visibilitychange", () => this.#hold(), { signal }); // the browser let go while the page was hidden
    addEventListener("beforeunload", (event) => this.#isMoving && event.preventDefault(), { signal });
  }

  set(isMoving) {
    if (isMoving === this.#isMoving) return;
    this.#isMoving = isMoving;
    if (isMoving) this.#hold();
    else this.#release();
  }

  async #hold() {
    if (!this.#isMoving || document.hidden || this.#lock?.released === false) return;
    try {
      this.#lock = await navigator.wakeLock?.request("screen");
    } catch {
      // A low battery forbids it. Sending goes on.
    }
    if (!this.#isMoving) this.#release();
  }

  #release() {
    this.#lock?.release();
    this.#lock = null;
  }
}
