/* Hashes the listed files in the background, one after the other, while they wait or are sent: files that the server has already need
   not be sent. */
import { Unreadable } from "./hash-pool.js";
import { hex } from "./sha256.js";

export const UNREADABLE = "Can’t read the file. Was it changed, or its card removed?";

const REPORT_DELAY_MS = 1500;
const MAX_HASHED_FIRST = 64 << 20;
const STATES_BY_PRIORITY = ["waiting", "pending", "chosen", "later"]; // files that are sent sooner are hashed sooner

export class BackgroundHashing {
  #fileStore;
  #hashPool;
  #onHashed;
  #isRunning = false;
  #stop = null;
  #current = null;

  /** `onHashed(item)` is called for each file whose checksum has become known. */
  constructor(fileStore, hashPool, onHashed) {
    this.#fileStore = fileStore;
    this.#hashPool = hashPool;
    this.#onHashed = onHashed;
    fileStore.addEventListener("change", () => this.#run());
  }

  /** The number of files that are not hashed yet. */
  get remaining() {
    return this.#fileStore.in(...STATES_BY_PRIORITY).filter(needsHash).length;
  }

  /** Resolves when the first of the items are hashed, up to MAX_HASHED_FIRST bytes: as many as take no longer than about a second. */
  async untilFirstHashed(items) {
    let bytes = 0;
    const isAwaited = (item) => needsHash(item) && (item.state === "chosen" || item.state === "pending");
    for (const item of items.filter(({ size }) => (bytes += size) <= MAX_HASHED_FIRST)) {
      while (isAwaited(item)) await new Promise((resolve) => this.#fileStore.addEventListener("change", resolve, { once: true }));
    }
  }

  async #run() {
    if (this.#current && !STATES_BY_PRIORITY.concat("sending").includes(this.#current.state)) this.#stop.abort();
    if (this.#isRunning) return;
    this.#isRunning = true;
    await null; // a thousand files may be added at once
    for (let item = this.#next(); item; item = this.#next()) await this.#hash(item);
    this.#isRunning = false;
  }

  #next() {
    for (const state of STATES_BY_PRIORITY) {
      const item = this.#fileStore.items.find((candidate) => candidate.state === state && needsHash(candidate));
      if (item) return item;
    }
  }

  async #hash(item) {
    this.#current = item;
    this.#stop = new AbortController();
    const onProgress = (hashedBytes) => this.#fileStore.set(item, { hashedBytes });
    try {
      const bytes = await this.#hashPool.hashFile(item.file, { signal: this.#stop.signal, onProgress });
      this.#fileStore.set(item, { sha256: hex(bytes), hashedBytes: null });
      this.#onHashed(item);
    } catch (error) {
      const failure = error instanceof Unreadable ? { state: "failed", message: UNREADABLE } : {};
      this.#fileStore.set(item, { hashedBytes: null, isUnhashable: true, ...failure });
    } finally {
      this.#current = null;
    }
  }
}

/** Collects the checksums that become known only after their files were declared, and reports them together a moment later, so that
    files that the server has already are not sent. */
export class LateChecksums {
  #items = new Set();
  #report;

  /** `report(items)` sends the server the checksums of files that have not arrived yet. */
  constructor(report) {
    this.#report = report;
  }

  add(item) {
    if (!isIncomplete(item)) return;
    if (!this.#items.size) setTimeout(() => this.#flush(), REPORT_DELAY_MS);
    this.#items.add(item);
  }

  #flush() {
    const items = [...this.#items].filter(isIncomplete);
    this.#items.clear();
    if (items.length) this.#report(items);
  }
}

function needsHash(item) {
  return item.file && item.size > 0 && !item.sha256 && !item.isUnhashable;
}

function isIncomplete({ upload, state }) {
  return upload && (state === "waiting" || state === "sending");
}
