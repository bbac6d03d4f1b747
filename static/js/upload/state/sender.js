/* Sends the listed files to their albums: declares them, sends those that the server accepts, and waits where it has to.

   The only writer of a file's state from the moment it is to be sent. What is needed to continue after a reload is stored. */
import { repeatUntilAnswered } from "../transport/repeat-until-answered.js";
import { sleep } from "../transport/retry.js";
import { ChecksumReports } from "./checksum-reports.js";
import { canDeclare, toDeclareAgain } from "./decisions.js";
import { Declarations, isOpen } from "./declarations.js";
import { FileSender } from "./file-sender.js";
import { ENDED } from "./file-store.js";
import { AlbumBusy, AlbumGone } from "./manifest.js";
import { Queue } from "./queue.js";
import { ReceivedFiles } from "./received-files.js";
import { afterDeclare } from "./server-state.js";
import { SkippedFiles } from "./skipped-files.js";
import { TabLock } from "./tab-lock.js";

const RETRY_OTHER_ALBUM_MS = 5000;
const POLL_COPIES_MS = 2000;

/** Has the `queue` of files to send, the `skipped` files of their folders, and what became of the `received` ones.

    Dispatches "declared" after a batch was declared, "copying" with the `detail` of an operation that copies photos on the server, "idle"
    when nothing is left to send, and "change". */
export class Sender extends EventTarget {
  queue;
  skipped;
  received;
  isHeldBack = false;
  #fileStore;
  #transport;
  #persistence;
  #albumUrls;
  #declarations;
  #checksums;
  #fileSender;
  #maxFiles;
  #tabLock = new TabLock(() => this.#dispatch("change"));
  #declared = new Map();

  /** `albumUrls(id)` returns an album's {manifest, cancel}. `page` is the id of the album on whose page this is; its panel shows when it is free
      again, and the page then calls albumFree(). */
  constructor({ fileStore, transport, persistence, albumUrls, page, maxFiles }) {
    super();
    this.#fileStore = fileStore;
    this.#transport = transport;
    this.#persistence = persistence;
    this.#albumUrls = albumUrls;
    this.page = page;
    this.#maxFiles = maxFiles;
    this.#declarations = new Declarations(albumUrls, transport);
    this.skipped = new SkippedFiles(persistence, page);
    this.received = new ReceivedFiles(fileStore, page, (album, items) => this.query(album, items));
    const stop = (item) => this.#stop(item);
    this.#checksums = new ChecksumReports({ fileStore, persistence, declarations: this.#declarations, stop });
    const declareAgain = (items, album) => this.#declareAgain(items, album);
    this.#fileSender = new FileSender({ fileStore, transport, persistence, declareAgain });
    this.queue = new Queue((item, signal) => this.#fileSender.send(item, signal), { onIdle: () => this.#checkIdle() });
  }

  get waitsForTab() {
    return this.#tabLock.isWaiting;
  }

  /** Resolves with whether another tab is sending to one of these albums now. */
  isSentElsewhere(albums) {
    return this.#tabLock.isHeldElsewhere(albums);
  }

  /** Sends the items, now or as soon as their album accepts them, but not before `hashed` is fulfilled: a file whose checksum is known is
      not sent if the album has it. */
  async send(items, hashed = null) {
    for (const item of items) item.album ??= this.page;
    this.#fileStore.setAll(items, { state: "pending", message: "" });
    this.#persistence.save([...items, ...this.skipped.all]);
    await hashed;
    const albums = new Set(items.map(({ album }) => album));
    await Promise.all([...albums].map((album) => this.#declareInTurn(album)));
  }

  /** Stores files that wait for a choice or for another batch, so that they outlive the page like those that are sent. */
  keep(items) {
    if (items.length) this.#persistence.save([...items, ...this.skipped.all]);
  }

  /** Forgets stored files that have arrived. */
  forget(items) {
    this.#persistence.forget(items);
  }

  /** Does with held files what the user decided: "upload", "copy" from the other album, "skip", or "restore" from the trash. */
  decide(items, choice) {
    this.#fileStore.setAll(items, { choice });
    const [declarable, missing] = [items.filter(canDeclare), items.filter((item) => !canDeclare(item))];
    this.#fileStore.setAll(missing, { state: "missing", stored: null }); // after a reload the page has no access to these
    this.keep(missing);
    return this.send(declarable);
  }

  /** Sends files of a batch that was begun elsewhere, or before a reload. */
  join(items) {
    for (const item of items) this.#fileStore.set(item, { mustFetchOffset: true });
    return this.send(items);
  }

  /** Sends the files that waited for the album, which has become free. */
  albumFree(album) {
    if (this.isHeldBack) return;
    const waiting = this.#fileStore.in("later").filter((item) => item.album === album && canDeclare(item));
    if (waiting.length) this.send(waiting);
  }

  /** Resolves with the server's reply about the items, however many they are, without opening a batch. */
  query(album, items) {
    return this.#declarations.query(album, items);
  }

  /** Called when the item's checksum has become known. */
  checksumKnown(item) {
    this.#checksums.add(item);
  }

  cancel(items) {
    for (const { upload, state } of items) if (upload && !ENDED.has(state)) this.#fileSender.deleteUpload(upload);
    this.#setCancelled(items);
    this.#checkIdle();
  }

  /** Cancels everything that has not arrived, and has the server cancel what is not processed yet. */
  async cancelAll() {
    const items = this.#fileStore.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const albums = new Set(items.map(({ album }) => album).filter(Boolean));
    this.#setCancelled(items);
    this.skipped.clear();
    if (this.queue.isPaused) this.queue.resume();
    await this.#fileSender.deletionsDone(); // the server rejects the deletion of a file that it has cancelled with the others
    for (const album of albums) await repeatUntilAnswered(this.#transport, "POST", this.#albumUrls(album).cancel);
    this.#checkIdle();
  }

  #setCancelled(items) {
    for (const item of items) {
      this.#fileStore.set(item, { state: "cancelled", inFlight: 0, message: "" });
      this.queue.remove(item);
    }
    this.#persistence.forget(items);
  }

  /** Declares the album's pending files. Of two calls at once, the second waits for the first and declares what is left. */
  #declareInTurn(album) {
    const previous = this.#declared.get(album) ?? Promise.resolve();
    const current = previous.then(() => this.#declarePending(album));
    this.#declared.set(album, current);
    return current;
  }

  async #declarePending(album) {
    const pending = this.#fileStore.in("pending").filter((item) => item.album === album && canDeclare(item));
    if (!pending.length) return;
    pending.sort((a, b) => Number(Boolean(b.upload)) - Number(Boolean(a.upload)));
    const [batch, nextBatch] = [pending.slice(0, this.#maxFiles), pending.slice(this.#maxFiles)];
    this.#fileStore.setAll(nextBatch, { state: "later" });
    await this.#tabLock.acquire(album);
    const remaining = batch.filter(({ state }) => state === "pending"); // the others were cancelled meanwhile
    try {
      if (remaining.length) this.#applyReply(remaining, await this.#declareBatch(album, remaining));
    } catch (error) {
      this.#declarationFailed(remaining, error);
    }
    this.#dispatch("declared");
    this.#checkIdle();
    if (album !== this.page && this.#fileStore.in("later").some((item) => item.album === album)) this.#retryOtherAlbum(album);
  }

  /** Declares the skipped files with each batch of the choice: none of their receipts may call the card safe to format. */
  async #declareBatch(album, items) {
    const skipped = this.skipped.of(album);
    const reply = await this.#declarations.open(album, items, skipped);
    if (!isOpen(reply)) return reply;
    const isLastBatch = !this.#fileStore.in("later").some((item) => item.album === album);
    this.skipped.remove(skipped.filter(({ isCompanion }) => isLastBatch || isCompanion));
    return reply;
  }

  #applyReply(items, { files, operation, copying: isCopying, expires_at: expiresAt, chunk_bytes: advisedBytes }) {
    this.#transport.chunkSize.advise(advisedBytes);
    this.#fileSender.noteDeclared(expiresAt);
    items.forEach((item, index) => {
      if (item.state === "pending") this.#fileStore.set(item, afterDeclare(item, files[index]));
      else if (item.state === "cancelled" && files[index].upload) this.#fileSender.deleteUpload(files[index].upload); // or the album would wait for it
    });
    const copying = isCopying ? toDeclareAgain(items) : []; // after Undo the question comes again
    this.#fileStore.setAll(items.filter(({ state }) => state === "held").filter((item) => !copying.includes(item)), { choice: null });
    this.#fileStore.setAll(items.filter(({ state, file }) => state === "waiting" && !file), { state: "missing" }); // it could not be copied
    this.#persistence.save(items.filter(({ state }) => !ENDED.has(state)));
    this.#persistence.forget(items.filter(({ state }) => ENDED.has(state)));
    if (operation) this.dispatchEvent(new CustomEvent("copying", { detail: operation }));
    this.awaitCopies(copying);
    this.queue.add(items.filter(({ state }) => state === "waiting"));
  }

  /** The server's queue copies the rest of the photos. They are declared again, which records them, or uploads what cannot be copied. */
  async awaitCopies(items) {
    await sleep(POLL_COPIES_MS);
    const remaining = toDeclareAgain(items);
    if (remaining.length) this.send(remaining);
  }

  #declarationFailed(items, error) {
    const changes = error instanceof AlbumBusy ? { state: "later" } : { state: "failed", message: error.message };
    for (const item of items) if (item.state === "pending") this.#fileStore.set(item, changes);
    if (error instanceof AlbumGone) this.#persistence.forget(items);
  }

  /** Takes a file from the queue whose checksum the server knows: it has ended, or waits for the user's decision. */
  #stop(item) {
    this.queue.remove(item);
    if (item.state === "held") this.keep([item]);
    else this.#persistence.forget([item]);
  }

  #declareAgain(items, album) {
    for (const item of items) this.queue.remove(item);
    this.#declareInTurn(album);
  }

  /** When nothing is left to send: checks the sent files once more, and lets another tab send. */
  async #checkIdle() {
    if (!this.#isIdle) return;
    for (const album of this.#tabLock.ids) await this.received.check(album);
    if (!this.#isIdle) return;
    this.#tabLock.releaseAll();
    this.#dispatch("idle");
  }

  get #isIdle() {
    return this.queue.isIdle && !this.#fileStore.in("pending").length;
  }

  /** The panel of another album is not on this page, so its lock is tried again after a while. */
  async #retryOtherAlbum(album) {
    await sleep(RETRY_OTHER_ALBUM_MS);
    this.albumFree(album);
  }

  #dispatch(name) {
    this.dispatchEvent(new Event(name));
  }
}
