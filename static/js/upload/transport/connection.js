/* Whether the server can be reached, for all who send: shut while nobody answers, open again when it does. Waiting here uses up no
   retries. The browser's own word for being offline is only a hint: it lies both ways, so the server is asked.

   Its states: open · away · offline · signed-out · busy */
import { request } from "./request.js";
import { backoff, sleep } from "./retry.js";

const SIGN_IN_EVERY_MS = 4000;
const BUSY_MS = 10_000;
const PROBE_TIMEOUT_MS = 10_000;

export class Line extends EventTarget {
  state = "open";
  words = "";
  #probe;
  #pace;
  #waiting = [];
  #wake = () => {};

  /** `probe` asks the server, and resolves with "open", "away" or "signed-out". `pace` goes to backoff(). */
  constructor(probe, pace = {}) {
    super();
    this.#probe = probe;
    this.#pace = pace;
  }

  get isOpen() {
    return this.state === "open";
  }

  /** Resolves when the line is open. Rejects with the signal's reason. */
  open(signal) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.isOpen) return Promise.resolve();
    return new Promise((done, failed) => {
      const stop = () => failed(signal.reason);
      signal?.addEventListener("abort", stop, { once: true });
      this.#waiting.push(() => {
        signal?.removeEventListener("abort", stop);
        done();
      });
    });
  }

  /** Nobody gets through until the server has been asked. `is` is away, signed-out or busy (then for `ms`). */
  shut({ is, ms = null, words = "" }) {
    const wasOpen = this.isOpen;
    this.#become(is, words);
    if (wasOpen) this.#watch(is === "busy" ? (ms ?? BUSY_MS) : 0);
  }

  /** Ask at once: the network seems to be back, or somebody looks at the page again. */
  hurry() {
    if (this.state !== "busy") this.#wake();
  }

  async #watch(busyMs) {
    if (busyMs) await this.#pause(busyMs);
    for (let tries = 0; ; tries++) {
      const found = await this.#probe();
      if (found === "open") break;
      this.#become(found);
      await this.#pause(found === "signed-out" ? SIGN_IN_EVERY_MS : backoff(tries, this.#pace));
    }
    this.#become("open");
    this.#waiting.splice(0).forEach((go) => go());
  }

  async #pause(ms) {
    const early = new AbortController();
    this.#wake = () => early.abort();
    await sleep(ms, early.signal).catch(() => {});
    this.#wake = () => {};
  }

  #become(state, words = "") {
    const told = state === "away" && globalThis.navigator?.onLine === false ? "offline" : state;
    if (told === this.state && words === this.words) return;
    this.state = told;
    this.words = words;
    this.dispatchEvent(new Event("change"));
  }
}

/** "open", "away" or "signed-out". `address` is a page that only who is signed in may see: others are sent elsewhere. */
export async function probe(address) {
  try {
    const { status, url } = await request("HEAD", address, { stallMs: PROBE_TIMEOUT_MS });
    if (!status || status >= 500) return "away";
    return new URL(url).pathname === new URL(address, location.href).pathname ? "open" : "signed-out";
  } catch {
    return "away";
  }
}
