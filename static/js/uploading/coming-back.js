/* After a reload, or on another device: what this person was sending here, and what it takes to go on. */
import { plural } from "../format.js";
import { isUnderWay } from "./ledger.js";
import { sleep } from "./patience.js";
import * as resuming from "./resuming.js";

const LOOK_AGAIN_MS = 1000;

export class ComingBack {
  /** What to tell, and what can be done about it: {words, canResume, isElsewhere}, or null. */
  again = null;
  #parts;
  #panel;
  #onChange;
  #isElsewhere = false;
  #isExpected = false;
  #received;

  /** `parts` are keep, ledger, sender and hasher; `panel()` is the server's panel as it is now. */
  constructor(parts, panel, onChange = () => {}) {
    this.#parts = parts;
    this.#panel = panel;
    this.#onChange = onChange;
  }

  /** As long as another tab sends the files, nothing is missing. When it ends, for whatever reason, the rest is looked at. */
  async start() {
    const { keep, ledger, sender } = this.#parts;
    const kept = await keep.all();
    while (await this.#isSentElsewhere(kept)) {
      this.#isElsewhere = true;
      this.#tell();
      await sleep(LOOK_AGAIN_MS);
    }
    this.#isElsewhere = false;
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
    if (this.#isElsewhere || !this.again) return;
    const { ledger } = this.#parts;
    if (await this.#isSentElsewhere(ledger.in("missing"))) return this.#leave();
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

  /** Cancel what is missing, unless another tab has begun to send it. */
  async giveUp() {
    const { ledger, sender } = this.#parts;
    const missing = ledger.in("missing");
    if (await this.#isSentElsewhere(missing)) return this.#leave();
    sender.cancel(missing);
    this.look();
  }

  look() {
    this.again = this.#elsewhere() ?? this.#missing() ?? this.#expected();
  }

  /** Each album has its own turn: the files of one page may go to several. */
  #isSentElsewhere(files) {
    const { sender } = this.#parts;
    return sender.isElsewhere([...new Set([sender.page, ...files.map(({ album }) => album)])]);
  }

  /** The files stay kept for the tab that sends them; this one only looks on. */
  #leave() {
    const { ledger } = this.#parts;
    if (this.#isElsewhere) return;
    this.#isElsewhere = true;
    ledger.remove(ledger.in("missing").filter(({ file }) => !file));
    this.start().then(() => this.#tell());
  }

  #tell() {
    this.look();
    this.#onChange();
  }

  #elsewhere() {
    if (!this.#isElsewhere) return null;
    const { busy, received, total } = this.#panel().dataset;
    const count = busy && Number(total) ? ` (${received} of ${total})` : "";
    return { isElsewhere: true, canResume: false, words: `Uploading in another tab${count}.` };
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
