/* How fast bytes go, from the last few seconds: an average since the start would hide a network that has just changed. Pure. */

const WINDOW_MS = 6000;
const AT_LEAST_MS = 700;
const STEADY_MS = 5000;

export class Pace {
  #marks = [];

  /** `sent` bytes in all at `now`, in milliseconds. */
  mark(now, sent) {
    this.#marks.push([now, sent]);
    while (this.#marks.length > 2 && now - this.#marks[0][0] > WINDOW_MS) this.#marks.shift();
  }

  /** Bytes a second; null until it can be told. */
  get rate() {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || last[0] - first[0] < AT_LEAST_MS) return null;
    return ((last[1] - first[1]) / (last[0] - first[0])) * 1000;
  }

  /** Seconds until `total` bytes are sent; null until it can be told: the first seconds of a connection say little of the others. */
  left(total) {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    return this.rate && last[0] - first[0] >= STEADY_MS ? (total - last[1]) / this.rate : null;
  }
}
