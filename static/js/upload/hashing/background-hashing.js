/* Hashes the listed files in the background, one after the other, while they wait or are sent: what the server has already need not
   be sent. */
import { Unreadable } from "./hash-pool.js";
import { hex } from "./sha256.js";

const SOON_MS = 1500;
const NEEDED = ["waiting", "pending", "chosen", "later"]; // the sooner it is sent, the sooner it is hashed

export class Checksums {
  #ledger;
  #hasher;
  #onKnown;
  #isAtWork = false;
  #stop = null;
  #current = null;

  /** `onKnown(item)` is called for each file whose checksum has become known. */
  constructor(ledger, hasher, onKnown) {
    this.#ledger = ledger;
    this.#hasher = hasher;
    this.#onKnown = onKnown;
    ledger.addEventListener("change", () => this.#look());
  }

  /** Of whom it is not yet known. */
  get left() {
    return this.#ledger.in(...NEEDED).filter(isOpen).length;
  }

  async #look() {
    if (this.#current && !NEEDED.concat("sending").includes(this.#current.state)) this.#stop.abort();
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    await null; // not for each of a thousand that are added at once
    for (let item = this.#next(); item; item = this.#next()) await this.#hash(item);
    this.#isAtWork = false;
  }

  #next() {
    for (const state of NEEDED) {
      const item = this.#ledger.items.find((one) => one.state === state && isOpen(one));
      if (item) return item;
    }
  }

  async #hash(item) {
    this.#current = item;
    this.#stop = new AbortController();
    const onProgress = (done) => this.#ledger.set(item, { hashed: done });
    try {
      const bytes = await this.#hasher.file(item.file, { signal: this.#stop.signal, onProgress });
      this.#ledger.set(item, { sha256: hex(bytes), hashed: null });
      this.#onKnown(item);
    } catch (error) {
      const isUnreadable = error instanceof Unreadable;
      this.#ledger.set(item, { hashed: null, isUnhashable: true, ...(isUnreadable ? { state: "failed", words: UNREADABLE } : {}) });
    } finally {
      this.#current = null;
    }
  }
}

export const UNREADABLE = "It can’t be read any more. Was it changed, or its card taken out?";

function isOpen(item) {
  return item.file && item.size > 0 && !item.sha256 && !item.isUnhashable;
}

export class LateChecksums {
  #learned = new Set();
  #tell;

  /** `tell(items)` tells the server of those that are still to come. */
  constructor(tell) {
    this.#tell = tell;
  }

  add(item) {
    if (!isStillToCome(item)) return;
    if (!this.#learned.size) setTimeout(() => this.#flush(), SOON_MS);
    this.#learned.add(item);
  }

  #flush() {
    const items = [...this.#learned].filter(isStillToCome);
    this.#learned.clear();
    if (items.length) this.#tell(items);
  }
}

function isStillToCome({ upload, state }) {
  return upload && (state === "waiting" || state === "sending");
}
