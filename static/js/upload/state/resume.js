/* After a reload, or on another device: what this person was sending here, and what it takes to go on. */
import { plural } from "../../format.js";
import { hex } from "../hashing/sha256.js";
import { isUnderWay } from "./file-store.js";
import { match } from "./match-files.js";
import { kept } from "./server-state.js";
import { sleep } from "../transport/retry.js";

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
    await restore(this.#parts);
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
    await settle(this.#parts, ledger.in("missing"));
    this.look();
  }

  /** Ask for leave to read the files again, and go on. Must be called from a press of a button. */
  async resume() {
    const { ledger } = this.#parts;
    await open(ledger, ledger.in("missing"), true);
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
    const { items, others } = await rejoin(this.#parts, found);
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

/** The kept files as items of the ledger, missing until their files are at hand again; those that arrived meanwhile are settled. */
export async function restore({ keep, ledger, sender }) {
  const rows = await keep.all();
  const skipped = rows.filter(({ isSkipped }) => isSkipped);
  const items = ledger.add(rows.filter(({ isSkipped }) => !isSkipped).map((row) => ({ ...row, state: "missing" })));
  if (!items.length) return keep.forget(skipped), [];
  if (skipped.length) sender.skip(skipped);
  await open(ledger, items);
  await settle({ keep, ledger, sender }, items);
  return items;
}

/** Ask what has become of missing files: those that have arrived are missing no more. */
export async function settle({ keep, ledger, sender }, missing) {
  for (const album of new Set(missing.map((item) => item.album))) {
    const mine = missing.filter((item) => item.album === album);
    const answer = await sender.compare(album, mine).catch(() => null);
    answer?.files.forEach((told, number) => {
      const item = mine[number];
      if (item.state !== "missing") return; // it was chosen meanwhile
      ledger.set(item, kept(item, told));
      if (item.state !== "missing") keep.forget([item]);
    });
  }
}

/** Open the files of those whose handles may be read without asking; with `asks`, after asking, which needs a press of a button. */
export async function open(ledger, items, asks = false) {
  let mayAsk = asks; // who said no once is not asked for each of the others
  for (const item of items.filter(({ file, handle }) => handle && !file)) {
    const isGranted = await permission(item.grant, mayAsk);
    mayAsk &&= isGranted;
    const file = isGranted ? await item.handle.getFile().catch(() => null) : null;
    if (file && file.size === item.size && file.lastModified === item.modified) ledger.set(item, { file });
  }
}

/** Give the files chosen again to those that miss them. Answers the items that can go on, and what was chosen besides. */
export async function rejoin({ ledger, hasher }, found) {
  const expected = ledger.in("missing", "failed");
  const files = found.map((one) => ({ ...one, name: one.file.name, size: one.file.size, modified: one.file.lastModified }));
  const { pairs, doubtful, others } = match(expected, files);
  for (const [item, one] of doubtful) {
    const same = item.sha256 && hex(await hasher.file(one.file)) === item.sha256;
    if (same) pairs.push([item, one]);
    else others.push(one);
  }
  for (const [item, { file, handle, grant }] of pairs) ledger.set(item, { file, handle, grant, isUnhashable: false });
  return { items: pairs.map(([item]) => item), others };
}

async function permission(grant, asks) {
  try {
    const state = await grant.queryPermission({ mode: "read" });
    return (state === "prompt" && asks ? await grant.requestPermission({ mode: "read" }) : state) === "granted";
  } catch {
    return false;
  }
}
