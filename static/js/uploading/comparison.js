/* Tells of chosen files what the server has of them already, before anything is sent: a few requests for all, as checksums come in. */
import { HINTS } from "./words.js";

const SOON_MS = 1000;

export class Comparison {
  #ledger;
  #sender;
  #album;
  #timer = 0;

  constructor(ledger, sender, album) {
    this.#ledger = ledger;
    this.#sender = sender;
    this.#album = album;
  }

  /** Soon, once for all that ask until then. */
  ask() {
    this.#timer ||= setTimeout(() => this.#compare(), SOON_MS);
  }

  async #compare() {
    this.#timer = 0;
    const items = this.#ledger.in("chosen", "later").filter(isWorthAsking);
    if (!items.length) return;
    for (const item of items) item.comparedWith = item.sha256 || "look";
    const answer = await this.#sender.compare(this.#album, items).catch(() => null);
    if (!answer) return;
    answer.files.forEach(({ state, photo }, number) => {
      this.#ledger.set(items[number], { standing: state, hint: HINTS[state] ?? "", photo });
    });
    // Of a batch that is running already, begun on another device or before a reload that lost it.
    const mine = items.filter((item, number) => item.state === "later" && answer.files[number].upload && answer.files[number].state !== "received");
    if (mine.length) this.#sender.go(mine);
  }
}

/** By its look once, and once more when its checksum is known. */
function isWorthAsking({ state, sha256, comparedWith }) {
  return sha256 ? comparedWith !== sha256 : state === "later" && !comparedWith;
}
