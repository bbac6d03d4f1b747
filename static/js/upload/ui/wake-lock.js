/* Keeps the screen on while bytes are sent, since a phone that sleeps stops sending. */

export class ScreenWakeLock {
  #isActive = false;
  #lock = null;

  constructor(signal) {
    document.addEventListener("visibilitychange", () => this.#acquire(), { signal }); // the browser releases it while the page is hidden
  }

  setActive(isActive) {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    if (isActive) this.#acquire();
    else this.#release();
  }

  async #acquire() {
    if (!this.#isActive || document.hidden || this.#lock?.released === false) return;
    try {
      this.#lock = await navigator.wakeLock?.request("screen");
    } catch {
      // The browser refuses it, for example with a low battery. Sending continues.
    }
    if (!this.#isActive) this.#release();
  }

  #release() {
    this.#lock?.release();
    this.#lock = null;
  }
}
