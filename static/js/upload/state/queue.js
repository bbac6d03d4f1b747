/* Three files at a time, in their order, with a pause. What one is, and what carrying it means, is not known here. Pure. */

/** Why a file's sending was stopped: it goes on later. */
export class Paused extends Error {}

/** Why a file's sending was stopped: it is not wanted any more. */
export class Cancelled extends Error {}

export class Queue {
  isPaused = false;
  #carry;
  #atOnce;
  #waiting = [];
  #running = new Map();
  #onIdle;

  /** `carry(item, signal)` never rejects, and resolves with whether the item needs no more carrying. `onIdle` is called when the last was carried. */
  constructor(carry, { atOnce = 3, onIdle = () => {} } = {}) {
    this.#carry = carry;
    this.#atOnce = atOnce;
    this.#onIdle = onIdle;
  }

  get isIdle() {
    return !this.#waiting.length && !this.#running.size;
  }

  get isMoving() {
    return this.#running.size > 0;
  }

  add(items) {
    this.#waiting.push(...items.filter((item) => !this.#waiting.includes(item) && !this.#isCarried(item)));
    this.#next();
  }

  pause() {
    this.isPaused = true;
    // Back to where they came from, in their order: the first to go on are those that had begun.
    this.#waiting.unshift(...this.#running.keys());
    for (const stop of this.#running.values()) stop.abort(new Paused());
  }

  goOn() {
    this.isPaused = false;
    this.#next();
  }

  remove(item) {
    this.#waiting = this.#waiting.filter((one) => one !== item);
    this.#running.get(item)?.abort(new Cancelled());
  }

  /** One that is being stopped may be added again already. */
  #isCarried(item) {
    return this.#running.get(item)?.signal.aborted === false;
  }

  #next() {
    while (!this.isPaused && this.#running.size < this.#atOnce) {
      const item = this.#waiting.find((one) => !this.#running.has(one));
      if (!item) break;
      this.#waiting.splice(this.#waiting.indexOf(item), 1);
      this.#run(item);
    }
  }

  async #run(item) {
    const stop = new AbortController();
    this.#running.set(item, stop);
    const isOver = await this.#carry(item, stop.signal);
    this.#running.delete(item);
    if (isOver) this.#waiting = this.#waiting.filter((one) => one !== item); // it arrived just as the pause began
    this.#next();
    if (this.isIdle) this.#onIdle();
  }
}
