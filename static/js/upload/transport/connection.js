/* The connection to the server, shared by all transfers: closed while the server does not answer, open again when it does. Waiting for
   it uses up no retries. navigator.onLine is only a hint, wrong in both directions, so the server itself is probed.

   States: open · unreachable · offline · signed-out · busy */
import { request } from "./request.js";
import { backoff, sleep } from "./retry.js";

const SIGN_IN_CHECK_MS = 4000;
const DEFAULT_BUSY_MS = 10_000;
const PROBE_TIMEOUT_MS = 10_000;

/** Dispatches "change" when its state or message changes. */
export class Connection extends EventTarget {
  state = "open";
  message = "";
  #probe;
  #backoffOptions;
  #waiting = [];
  #endPause = () => {};

  /** `probe()` resolves with "open", "unreachable" or "signed-out". `backoffOptions` are passed to backoff(). */
  constructor(probe, backoffOptions = {}) {
    super();
    this.#probe = probe;
    this.#backoffOptions = backoffOptions;
  }

  get isOpen() {
    return this.state === "open";
  }

  /** Resolves when the connection is open. Rejects with the signal's reason. */
  untilOpen(signal) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.isOpen) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }

  /** Closes the connection until a probe succeeds. `kind` is unreachable, signed-out, or busy (then first for `ms`). */
  close({ kind, ms = null, message = "" }) {
    const wasOpen = this.isOpen;
    this.#setState(kind, message);
    if (wasOpen) this.#reopen(kind === "busy" ? (ms ?? DEFAULT_BUSY_MS) : 0);
  }

  /** Probes at once: the network seems to be back, or the person has returned to the page. */
  checkNow() {
    if (this.state !== "busy") this.#endPause();
  }

  async #reopen(busyMs) {
    if (busyMs) await this.#pause(busyMs);
    for (let attempt = 0; ; attempt++) {
      const state = await this.#probe();
      if (state === "open") break;
      this.#setState(state);
      await this.#pause(state === "signed-out" ? SIGN_IN_CHECK_MS : backoff(attempt, this.#backoffOptions));
    }
    this.#setState("open");
    this.#waiting.splice(0).forEach((release) => release());
  }

  async #pause(ms) {
    const pause = new AbortController();
    this.#endPause = () => pause.abort();
    await sleep(ms, pause.signal).catch(() => {});
    this.#endPause = () => {};
  }

  #setState(newState, message = "") {
    const state = newState === "unreachable" && globalThis.navigator?.onLine === false ? "offline" : newState;
    if (state === this.state && message === this.message) return;
    this.state = state;
    this.message = message;
    this.dispatchEvent(new Event("change"));
  }
}

/** Resolves with "open", "unreachable" or "signed-out". `address` is a page for signed-in users: others are redirected. */
export async function probe(address) {
  try {
    const { status, url } = await request("HEAD", address, { stallMs: PROBE_TIMEOUT_MS });
    if (!status || status >= 500) return "unreachable";
    return new URL(url).pathname === new URL(address, location.href).pathname ? "open" : "signed-out";
  } catch {
    return "unreachable";
  }
}
