/* Continues uploads after a reload, or on another device: finds the files again, in IndexedDB and at the server, and shows the user what
   is needed to continue. */
import { hex } from "../hashing/sha256.js";
import { sleep } from "../transport/retry.js";
import { canDeclare, toDeclareAgain } from "./decisions.js";
import { earlierFiles } from "./earlier-files.js";
import { isInProgress } from "./file-store.js";
import { matchFiles } from "./match-files.js";
import { openFiles } from "./open-files.js";
import { isUnsent } from "./persistence.js";
import { afterReload } from "./server-state.js";

const CHECK_AGAIN_MS = 1000;
const MAX_NAMED = 5;
const ASKS_PERMISSION = "Your browser will ask for permission to read the files.";

export class Resume {
  /** The notice for the user: {message, canResume, isElsewhere, isUnsent, isFolder}, or null. */
  notice = null;
  #context;
  #panel;
  #onChange;
  #isElsewhere = false;
  #isExpected = false;
  #isContinued = false;
  #received;
  #setReady;
  /** Resolves when the stored files are listed, so that files that are chosen now can be matched with them; at once while another tab sends them. */
  ready = new Promise((resolve) => (this.#setReady = resolve));

  /** `context` has persistence, fileStore, sender and hashPool; `panel()` returns the current panel element. */
  constructor(context, panel, onChange = () => {}) {
    this.#context = context;
    this.#panel = panel;
    this.#onChange = onChange;
  }

  /** Restores the stored files and continues those that can be read. While another tab sends them, nothing is missing; when it stops, for
      any reason, this tab continues. */
  async start() {
    const { persistence, fileStore, sender } = this.#context;
    const rows = await persistence.all();
    while (await this.#isSentElsewhere(rows)) {
      this.#isElsewhere = true;
      this.#updateAndNotify();
      this.#setReady();
      await sleep(CHECK_AGAIN_MS);
    }
    this.#isElsewhere = false;
    this.#received = this.#panel().dataset.received; // before the server is asked, so that what arrives meanwhile counts as a change
    await restore(this.#context, this.#setReady);
    this.#isContinued = fileStore.items.some(({ stored }) => stored && !isUnsent(stored));
    this.#continueReadable();
    const { busy, receiving } = this.#panel().dataset;
    if (fileStore.items.length || !busy || !Number(receiving)) return;
    const reply = await sender.query(sender.page, []).catch(() => null); // this browser has stored nothing
    this.#isExpected = Boolean(reply?.batch?.mine);
    this.update();
  }

  /** The files of the continued batch that are not listed: {files, bytes}. */
  get earlier() {
    const { fileStore, sender } = this.#context;
    return this.#isContinued ? earlierFiles(this.#panel().dataset, fileStore.items, sender.page) : undefined;
  }

  /** Called when the panel was replaced. A missing file may have arrived: its last bytes were in flight, or another device sent it. */
  async panelReplaced() {
    this.#isContinued &&= Boolean(this.#panel().dataset.busy);
    this.update();
    if (this.#isElsewhere || !this.notice) return;
    const { fileStore } = this.#context;
    if (await this.#isSentElsewhere(fileStore.in("missing"))) return this.#leaveToOtherTab();
    const { received } = this.#panel().dataset;
    const hasChanged = received !== this.#received;
    this.#received = received;
    if (!hasChanged || !fileStore.in("missing").length) return;
    await refreshMissing(this.#context, fileStore.in("missing"));
    this.update();
  }

  /** Asks for permission to read the files again, and continues. Must be called while a click is handled. */
  async resume() {
    const { fileStore } = this.#context;
    await openFiles(fileStore, fileStore.in("missing"), true);
    this.#continueReadable();
  }

  /** Continues those of the chosen files that were in progress, and resolves with the others. */
  async rejoin(chosen) {
    const { items, others } = await rejoin(this.#context, chosen);
    this.#continue(items);
    this.update();
    return others;
  }

  /** Cancels the missing files, unless another tab has begun to send them. */
  async discard() {
    const { fileStore, sender } = this.#context;
    const missing = fileStore.in("missing");
    if (await this.#isSentElsewhere(missing)) return this.#leaveToOtherTab();
    sender.cancel(missing);
    this.update();
  }

  /** Updates the notice. */
  update() {
    this.notice = this.#elsewhereNotice() ?? this.#missingNotice() ?? this.#expectedNotice();
  }

  #continueReadable() {
    const { fileStore } = this.#context;
    this.#continue(fileStore.in("missing").filter(canDeclare));
    this.update();
  }

  /** Brings files back to where they were when the page was left: to a choice of the user, to the queue behind a batch, or into their batch. */
  #continue(found) {
    const { fileStore, sender } = this.#context;
    const items = found.filter(({ state }) => state !== "held"); // those wait for a decision
    const chosen = items.filter(({ stored }) => stored?.state === "chosen" || stored?.isHeld);
    const queued = items.filter(({ stored }) => stored?.state === "later" && !stored.isHeld);
    const started = items.filter((item) => !chosen.includes(item) && !queued.includes(item));
    const mustWait = this.#panel().dataset.busy || started.length || fileStore.items.some(isInProgress);
    if (started.length) sender.join(started);
    fileStore.setAll(chosen, { state: "chosen", stored: null });
    fileStore.setAll(queued, { state: "later", stored: null });
    if (queued.length && !mustWait) sender.send(queued);
  }

  /** Each album has its own lock: the files of one page may go to several. */
  #isSentElsewhere(files) {
    const { sender } = this.#context;
    return sender.isSentElsewhere([...new Set([sender.page, ...files.map(({ album }) => album).filter(Boolean)])]);
  }

  /** The files stay in IndexedDB for the tab that sends them; this tab only shows its progress. */
  #leaveToOtherTab() {
    const { fileStore } = this.#context;
    if (this.#isElsewhere) return;
    this.#isElsewhere = true;
    fileStore.remove(fileStore.in("missing").filter(({ file }) => !file));
    this.start().then(() => this.#updateAndNotify());
  }

  #updateAndNotify() {
    this.update();
    this.#onChange();
  }

  #elsewhereNotice() {
    if (!this.#isElsewhere) return null;
    const { busy, received, total } = this.#panel().dataset;
    const count = busy && Number(total) ? ` (${received} of ${total})` : "";
    return { isElsewhere: true, canResume: false, message: `Uploading in another tab${count}.` };
  }

  #missingNotice() {
    const { fileStore } = this.#context;
    const missing = fileStore.in("missing").filter(({ file }) => !file);
    if (!missing.length) return null;
    const canResume = missing.every(({ handle }) => handle);
    if (missing.every(({ stored }) => stored && isUnsent(stored))) return unsentNotice(missing, canResume);
    const { busy, total } = this.#panel().dataset;
    // Files that had arrived before the reload are not stored here; the server counts them.
    const all = Math.max(fileStore.items.length, busy ? Number(total) : 0);
    const count = `Upload interrupted: ${missing.length} of ${all} left.`;
    const remedy = canResume ? ASKS_PERMISSION : "Select the same files to resume.";
    return { canResume, message: `${count} ${remedy}` };
  }

  #expectedNotice() {
    const { receiving, received, total, quiet } = this.#panel().dataset;
    if (!this.#isExpected || !quiet || !Number(receiving) || this.#context.fileStore.items.some(isInProgress)) return null;
    const message = `${received} of ${total} uploaded from another device. Stopped? Select the files to continue here.`;
    return { canResume: false, message };
  }
}

/** The notice about files that were chosen before a reload, and not uploaded. */
function unsentNotice(missing, canResume) {
  const names = missing.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : "";
  const remedy = canResume ? ASKS_PERMISSION : "Select these files again.";
  const message = `Not uploaded yet: ${names.join(", ")}${more}. ${remedy}`;
  return { message, canResume, isUnsent: true, isFolder: missing.every(({ path }) => path.includes("/")) };
}

/** Adds the stored files to the list, as missing until they can be read, calls `onListed`, and updates those that have arrived meanwhile. */
export async function restore({ persistence, fileStore, sender }, onListed = () => {}) {
  const rows = await persistence.all();
  const skipped = rows.filter(({ isSkipped }) => isSkipped);
  const items = fileStore.add(rows.filter(({ isSkipped }) => !isSkipped).map(restored));
  onListed();
  if (!items.length) return persistence.forget(skipped);
  if (skipped.length) sender.skipped.add(skipped);
  await openFiles(fileStore, items);
  const copying = toDeclareAgain(items);
  if (copying.length) sender.awaitCopies(copying);
  await refreshMissing({ persistence, fileStore, sender }, items.filter(({ state }) => state === "missing"));
}

/** A stored file as it is listed. One that waits for a decision is not missing: most decisions do not need its content. */
function restored(row) {
  return row.state === "held" ? row : { ...row, state: "missing", stored: row };
}

/** Asks the server about missing files: those that have arrived are no longer missing. */
async function refreshMissing({ persistence, fileStore, sender }, missing) {
  for (const album of new Set(missing.map((item) => item.album).filter(Boolean))) { // others wait for the choice of their album
    const items = missing.filter((item) => item.album === album && !(item.choice && canDeclare(item))); // what was decided is declared
    if (!items.length) continue;
    const reply = await sender.query(album, items).catch(() => null);
    reply?.files.forEach((fileReply, index) => {
      const item = items[index];
      if (item.state !== "missing") return; // it was chosen meanwhile
      fileStore.set(item, afterReload(item, fileReply));
      if (item.state !== "missing") persistence.forget([item]);
    });
  }
}

/** Gives missing and failed items the files that were chosen again. Resolves with the items that can continue, and the other files. */
async function rejoin({ fileStore, hashPool }, chosen) {
  const expected = fileStore.in("missing", "failed", "held").filter(({ state, file }) => state !== "held" || !file);
  const files = chosen.map((entry) => ({ ...entry, name: entry.file.name, size: entry.file.size, modified: entry.file.lastModified }));
  const { pairs, doubtful, others } = matchFiles(expected, files);
  for (const [item, entry] of doubtful) {
    const isSame = item.sha256 && hex(await hashPool.hashFile(entry.file)) === item.sha256;
    if (isSame) pairs.push([item, entry]);
    else others.push(entry);
  }
  for (const [item, { file, handle, grant }] of pairs) fileStore.set(item, { file, handle, grant, isUnhashable: false });
  return { items: pairs.map(([item]) => item), others };
}
