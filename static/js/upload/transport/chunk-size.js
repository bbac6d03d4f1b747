/* How many bytes go in one request: few enough that a broken one loses little, many enough that a good link is used. Pure. */

export const LEAST = 256 << 10;
export const MOST = 64 << 20;
const START = 8 << 20;
const FAST_MS = 4000;
const SLOW_MS = 16_000; // what is not acknowledged within this is too much to lose

export class ChunkSize {
  #most;

  constructor(start = START, most = MOST) {
    this.#most = Math.max(LEAST, Math.min(most, MOST));
    this.bytes = clamp(start, this.#most);
  }

  get isLeast() {
    return this.bytes <= LEAST;
  }

  /** What the server advises: less than usual is what was measured to come through, and is never exceeded. */
  advise(bytes) {
    if (!bytes || bytes >= START) return;
    this.#most = clamp(bytes, this.#most);
    this.bytes = Math.min(this.bytes, this.#most);
  }

  /** A request of `bytes` was acknowledged after so many milliseconds. A short last part proves nothing. */
  acknowledged(bytes, ms) {
    if (ms > SLOW_MS) this.shrink();
    else if (ms < FAST_MS && bytes >= this.bytes) this.bytes = clamp(this.bytes * 2, this.#most);
  }

  /** It was too much for the server, for something in between, or for the link. */
  shrink() {
    this.bytes = clamp(Math.floor(this.bytes / 2), this.#most);
  }

  /** Something in between takes no request of `bytes`, today or ever. */
  tooLarge(bytes) {
    this.#most = clamp(Math.floor(bytes / 2), this.#most);
    this.bytes = Math.min(this.bytes, this.#most);
  }
}

function clamp(bytes, most) {
  return Math.max(LEAST, Math.min(bytes, most));
}
