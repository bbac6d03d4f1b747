/* The transfer rate over the last few seconds: an average since the start would hide that the network has just changed. Pure. */

const WINDOW_MS = 6000;
const MIN_MEASURED_MS = 700;
const STEADY_MS = 5000;

export class Throughput {
  #samples = [];

  /** Records that `sent` bytes in all had been sent at `now`, in milliseconds. Fewer bytes than before mean that files left the list. */
  record(now, sent) {
    if (sent < this.#samples.at(-1)?.[1]) this.#samples = [];
    this.#samples.push([now, sent]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second; null while it is unknown. */
  get rate() {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || last[0] - first[0] < MIN_MEASURED_MS) return null;
    return ((last[1] - first[1]) / (last[0] - first[0])) * 1000;
  }

  /** Seconds until `total` bytes are sent; null while it is unknown: the first seconds of a connection say little about the rest. */
  secondsLeft(total) {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return this.rate && last[0] - first[0] >= STEADY_MS ? (total - last[1]) / this.rate : null;
  }
}
