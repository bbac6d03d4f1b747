/* Renders at most every 250 ms, at an animation frame, however often it is requested. */

const INTERVAL_MS = 250;

export class ThrottledRender {
  #render;
  #isScheduled = false;
  #lastRenderAt = -INTERVAL_MS;

  constructor(render) {
    this.#render = render;
  }

  request() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => this.#atFrame(), Math.max(0, INTERVAL_MS - (performance.now() - this.#lastRenderAt)));
  }

  #atFrame() {
    // A hidden page gets no frames, but its rows should be up to date when the user returns.
    if (document.hidden) return this.#run();
    requestAnimationFrame(() => this.#run());
  }

  #run() {
    this.#isScheduled = false;
    this.#lastRenderAt = performance.now();
    this.#render();
  }
}
