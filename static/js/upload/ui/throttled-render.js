/* Many changes, few looks: what is asked for a thousand times in a moment is done once, at a frame, and not more often than this. */

const EVERY_MS = 250;

export class Ticker {
  #act;
  #asked = false;
  #last = -EVERY_MS;

  /** `act` answers true when it wants to go on in the very next frame. */
  constructor(act) {
    this.#act = act;
  }

  ask() {
    if (this.#asked) return;
    this.#asked = true;
    setTimeout(() => this.#atFrame(), Math.max(0, EVERY_MS - (performance.now() - this.#last)));
  }

  #atFrame() {
    // No frame comes while the page is hidden, but the rows should be right when somebody looks again.
    if (document.hidden) return this.#run();
    requestAnimationFrame(() => this.#run());
  }

  #run() {
    this.#asked = false;
    this.#last = performance.now();
    if (!this.#act()) return;
    this.#asked = true;
    this.#atFrame();
  }
}
