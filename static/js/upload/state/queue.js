/* Sends three items at a time, in their order, and can be paused. It knows neither what an item is nor how it is sent. Pure. */

/** The abort reason of an item that is sent again later. */
export class Paused extends Error {}

/** The abort reason of an item that is not to be sent any more. */
export class Cancelled extends Error {}

export class Queue {
  isPaused = false;
  #send;
  #concurrency;
  #waiting = [];
  #running = new Map();
  #onIdle;

  /** `send(item, signal)` never rejects, and resolves with whether the item is done. `onIdle` is called after the last item. */
  constructor(send, { concurrency = 3, onIdle = () => {} } = {}) {
    this.#send = send;
    this.#concurrency = concurrency;
    this.#onIdle = onIdle;
  }

  get isIdle() {
    return !this.#waiting.length && !this.#running.size;
  }

  get isRunning() {
    return this.#running.size > 0;
  }

  add(items) {
    this.#waiting.push(...items.filter((item) => !this.#waiting.includes(item) && !this.#isBeingSent(item)));
    this.#next();
  }

  pause() {
    this.isPaused = true;
    // Running items go back to the front, in their order, so that they continue first.
    this.#waiting.unshift(...this.#running.keys());
    for (const stop of this.#running.values()) stop.abort(new Paused());
  }

  resume() {
    this.isPaused = false;
    this.#next();
  }

  remove(item) {
    this.#waiting = this.#waiting.filter((other) => other !== item);
    this.#running.get(item)?.abort(new Cancelled());
  }

  /** False for an item that is being aborted: it may be added again already. */
  #isBeingSent(item) {
    return this.#running.get(item)?.signal.aborted === false;
  }

  #next() {
    while (!this.isPaused && this.#running.size < this.#concurrency) {
      const item = this.#waiting.find((candidate) => !this.#running.has(candidate));
      if (!item) break;
      this.#waiting.splice(this.#waiting.indexOf(item), 1);
      this.#run(item);
    }
  }

  async #run(item) {
    const stop = new AbortController();
    this.#running.set(item, stop);
    const isDone = await this.#send(item, stop.signal);
    this.#running.delete(item);
    if (isDone) this.#waiting = this.#waiting.filter((other) => other !== item); // it arrived just as the queue was paused
    this.#next();
    if (this.isIdle) this.#onIdle();
  }
}
