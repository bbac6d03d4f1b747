/* After a reload, or on another device: what this person was sending here, and what it takes to go on. */
import { plural } from "../format.js";
import { isUnderWay } from "./ledger.js";
import * as resuming from "./resuming.js";

export class ComingBack {
  /** What to tell, and whether a press of a button is enough to go on: {words, canResume}, or null. */
  again = null;
  #parts;
  #panel;
  #isExpected = false;
  #received;

  /** `parts` are keep, ledger, sender and hasher; `panel()` is the server's panel as it is now. */
  constructor(parts, panel) {
    this.#parts = parts;
    this.#panel = panel;
  }

  async start() {
    const { ledger, sender } = this.#parts;
    this.#received = this.#panel().dataset.received; // before the server is asked, or what arrives meanwhile would be no news
    await resuming.restore(this.#parts);
    this.goOn();
    const { busy, receiving } = this.#panel().dataset;
    if (ledger.items.length || !busy || !Number(receiving)) return;
    const told = await sender.compare(sender.page, []).catch(() => null); // a browser that has kept nothing
    this.#isExpected = Boolean(told?.batch?.mine);
    this.look();
  }

  /** The panel is new. What is missing here may have arrived all the same: its last bytes were on their way, or it came from elsewhere. */
  async heard() {
    this.look();
    const { ledger } = this.#parts;
    const { received } = this.#panel().dataset;
    const isNews = received !== this.#received;
    this.#received = received;
    if (!isNews || !ledger.in("missing").length) return;
    await resuming.settle(this.#parts, ledger.in("missing"));
    this.look();
  }

  /** Ask for leave to read the files again, and go on. Must be called from a press of a button. */
  async resume() {
    const { ledger } = this.#parts;
    await resuming.open(ledger, ledger.in("missing"), true);
    this.goOn();
  }

  goOn() {
    const { ledger, sender } = this.#parts;
    const ready = ledger.in("missing").filter(({ file }) => file);
    if (ready.length) sender.join(ready);
    this.look();
  }

  /** Of the files chosen, those that were on their way go on; the others are answered. */
  async rejoin(found) {
    const { items, others } = await resuming.rejoin(this.#parts, found);
    if (items.length) this.#parts.sender.join(items);
    this.look();
    return others;
  }

  giveUp() {
    this.#parts.sender.cancel(this.#parts.ledger.in("missing"));
    this.look();
  }

  look() {
    this.again = this.#missing() ?? this.#expected();
  }

  #missing() {
    const { ledger } = this.#parts;
    const missing = ledger.in("missing").filter(({ file }) => !file);
    if (!missing.length) return null;
    const { busy, total } = this.#panel().dataset;
    // Those that had arrived before the reload are not kept here; the server counts them.
    const all = Math.max(ledger.items.length, busy ? Number(total) : 0);
    const count = `${missing.length} of ${plural(all, "photo")} ${missing.length === 1 ? "is" : "are"} still to come.`;
    const canResume = missing.every(({ handle }) => handle);
    const remedy = canResume ? "The browser asks whether it may read them again." : "Choose the folder or files again; each goes on where it stopped.";
    return { canResume, words: `${count} ${remedy}` };
  }

  #expected() {
    const { receiving, received, total } = this.#panel().dataset;
    if (!this.#isExpected || !Number(receiving) || this.#parts.ledger.items.some(isUnderWay)) return null;
    const words = `${total} files expected, ${received} here. If they do not come from elsewhere, choose them again to go on.`;
    return { canResume: false, words };
  }
}
