/* Checksums that became known only after their files were declared: told together, a while later, so that what the server has already
   is not sent. */

const SOON_MS = 1500;

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
