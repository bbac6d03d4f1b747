/* Asks the server about chosen files before anything is sent, so that the list shows which are in the album already: a few requests for
   all files, as their checksums become known. */

const DELAY_MS = 1000;

export class Preflight {
  #fileStore;
  #sender;
  #timer = 0;

  constructor(fileStore, sender) {
    this.#fileStore = fileStore;
    this.#sender = sender;
  }

  /** Schedules one check for all calls within the delay. */
  schedule() {
    this.#timer ||= setTimeout(() => this.#check(), DELAY_MS);
  }

  async #check() {
    this.#timer = 0;
    const items = this.#fileStore.in("chosen", "later").filter(needsCheck);
    if (!items.length) return;
    const basis = items.map(({ sha256 }) => sha256 || "name-and-size");
    const reply = await this.#sender.query(this.#sender.page, items).catch(() => null);
    if (!reply) return;
    // A reply with an upload is about a file of a running batch: one begun on another device, or before a reload.
    const [expected, arrived] = [[], []];
    reply.files.forEach(({ state, photo, upload }, index) => {
      const item = items[index];
      if (item.state !== "later" && item.state !== "chosen") return; // it is checked again if it returns to one of these states
      item.checkedBy = basis[index];
      this.#fileStore.set(item, { serverState: state, photo });
      if (state === "received") arrived.push(item);
      else if (upload) expected.push(item);
    });
    for (const item of arrived) this.#fileStore.set(item, { state: "received", offset: item.size });
    if (arrived.length) this.#sender.forget(arrived);
    if (expected.length) this.#sender.join(expected);
  }
}

/** A file of the next batch is checked by name and size, and any file by its checksum, once each. */
function needsCheck({ state, sha256, checkedBy }) {
  return sha256 ? checkedBy !== sha256 : state === "later" && !checkedBy;
}
