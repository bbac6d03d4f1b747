/* How many bytes go in one request: few enough that a failed request loses little, many enough to use a fast connection. Pure. */

export const MIN_BYTES = 256 << 10;
export const MAX_BYTES = 64 << 20;
const INITIAL_BYTES = 8 << 20;
const FAST_MS = 4000;
const SLOW_MS = 16_000; // a request that takes longer is too much to lose

export class ChunkSize {
  #maxBytes;

  constructor(initialBytes = INITIAL_BYTES, maxBytes = MAX_BYTES) {
    this.#maxBytes = Math.max(MIN_BYTES, Math.min(maxBytes, MAX_BYTES));
    this.bytes = clamp(initialBytes, this.#maxBytes);
  }

  get isMinimum() {
    return this.bytes <= MIN_BYTES;
  }

  /** Applies the server's advice. Less than the default is what the doctor measured to pass, and is never exceeded. */
  advise(bytes) {
    if (!bytes || bytes >= INITIAL_BYTES) return;
    this.#maxBytes = clamp(bytes, this.#maxBytes);
    this.bytes = Math.min(this.bytes, this.#maxBytes);
  }

  /** Adapts to a request of `bytes` that was acknowledged after `ms`. A short last chunk proves nothing. */
  acknowledged(bytes, ms) {
    if (ms > SLOW_MS) this.shrink();
    else if (ms < FAST_MS && bytes >= this.bytes) this.bytes = clamp(this.bytes * 2, this.#maxBytes);
  }

  /** Halves the size: the last request was too much for the server, a proxy, or the connection. */
  shrink() {
    this.bytes = clamp(Math.floor(this.bytes / 2), this.#maxBytes);
  }

  /** Sets the limit below `bytes`: a proxy never accepts a request of that size. */
  tooLarge(bytes) {
    this.#maxBytes = clamp(Math.floor(bytes / 2), this.#maxBytes);
    this.bytes = Math.min(this.bytes, this.#maxBytes);
  }
}

function clamp(bytes, maxBytes) {
  return Math.max(MIN_BYTES, Math.min(bytes, maxBytes));
}
