/* Tells of chosen files what the server has of them already, before anything is sent: a few requests for all, as checksums come in. */
import { HINTS } from "../ui/texts.js";

const SOON_MS = 1000;

export class Comparison {
  #ledger;
  #sender;
  #timer = 0;

  constructor(ledger, sender) {
    this.#ledger = ledger;
    this.#sender = sender;
  }

  /** Soon, once for all that ask until then. */
  ask() {
    this.#timer ||= setTimeout(() => this.#compare(), SOON_MS);
  }

  async #compare() {
    this.#timer = 0;
    const items = this.#ledger.in("chosen", "later").filter(isWorthAsking);
    if (!items.length) return;
    const by = items.map(({ sha256 }) => sha256 || "look");
    const answer = await this.#sender.compare(this.#sender.page, items).catch(() => null);
    if (!answer) return;
    // An upload is told of files of a batch that runs already: begun on another device, or before a reload.
    const mine = [];
    answer.files.forEach(({ state, photo, upload }, number) => {
      const item = items[number];
      if (item.state !== "later" && item.state !== "chosen") return; // should it come back to that, it is compared again
      item.comparedWith = by[number];
      this.#ledger.set(item, { standing: state, hint: HINTS[state] ?? "", photo });
      if (state === "received") this.#ledger.set(item, { state, offset: item.size });
      else if (upload) mine.push(item);
    });
    if (mine.length) this.#sender.join(mine);
  }
}

/** By its look once, and once more when its checksum is known. */
function isWorthAsking({ state, sha256, comparedWith }) {
  return sha256 ? comparedWith !== sha256 : state === "later" && !comparedWith;
}
