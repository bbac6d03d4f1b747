/* Sends the listed files to their albums: declares them, sends those that the server wants, and waits where it has to.

   The only writer of a file's state from the moment it is to be sent. What is needed to continue after a reload is stored. */
import { LateChecksums, UNREADABLE } from "../hashing/background-hashing.js";
import { Unreadable } from "../hashing/hash-pool.js";
import { hex } from "../hashing/sha256.js";
import { sendFile } from "../transport/choose-transport.js";
import { repeatUntilAnswered } from "../transport/repeat-until-answered.js";
import { sleep } from "../transport/retry.js";
import { TUS_HEADERS, UploadGone, UploadRejected } from "../transport/tus-upload.js";
import { canDeclare, toDeclareAgain } from "./decisions.js";
import { ENDED } from "./file-store.js";
import { AlbumBusy, AlbumGone, declare } from "./manifest.js";
import { Cancelled, Paused, Queue } from "./queue.js";
import { afterChecksum, afterDeclare, afterReceived, processingResult } from "./server-state.js";
import { TabLock } from "./tab-lock.js";

const MAX_MANIFEST_FILES = 2000;
const RETRY_OTHER_ALBUM_MS = 5000;
const POLL_RECEIVED_MS = 5000;
const POLL_COPIES_MS = 2000;
const DEFAULT_EXPIRY_MS = 30 * 60_000;
const AFTER_SILENCE_MS = 60_000;
const FAILED = "Unexpected error. Reload the page and try again.";
const CANCELLED = "Cancelled here or on another device.";

/** Dispatches "declared" after a batch was declared, "copying" with the `detail` of an operation that copies photos on the server, "idle" when nothing is left to send, and "change". */
export class Sender extends EventTarget {
  queue;
  isHeldBack = false;
  #fileStore;
  #transport;
  #persistence;
  #albumUrls;
  #maxFiles;
  #skipped = [];
  #tabLock = new TabLock(() => this.#dispatch("change"));
  #lateChecksums = new LateChecksums((items) => this.#reportChecksums(items));
  #declarations = new Map();
  #deletions = new Set();
  #lastResponseAt = performance.now();
  #silenceEndedAt = -Infinity;
  #polledAt = -Infinity;
  #expiryMs = DEFAULT_EXPIRY_MS;

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
    this.queue = new Queue((item, signal) => this.#sendItem(item, signal), { onIdle: () => this.#checkIdle() });
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
    this.#persistence.save([...items, ...this.#skipped]);
    await hashed;
    const albums = new Set(items.map(({ album }) => album));
    await Promise.all([...albums].map((album) => this.#declareInTurn(album)));
  }

  /** Stores files that wait for a choice or for another batch, so that they outlive the page like those that are sent. */
  keep(items) {
    if (items.length) this.#persistence.save([...items, ...this.#skipped]);
  }

  /** Forgets stored files that have arrived. */
  forget(items) {
    this.#persistence.forget(items);
  }

  /** Adds files that lie in the sent folders and are not sent themselves: {path, size, modified, album, isSkipped, isCompanion} each. They are
      declared with the files sent to their album (the page's, unless one is named), so that the receipt lists them. */
  addSkipped(files) {
    this.#skipped.push(...files);
  }

  /** Assigns the skipped files to the albums made of their folders: `albums` maps folders to albums, `items` are the files that are sent.

      A skipped file in none of the folders is declared with every album of this choice, so that no receipt calls a card safe to format
      that still holds it; a companion, which nobody would miss, only with the first. */
  assignSkipped(albums, items) {
    const allAlbums = [...new Set(items.map(({ album }) => album ?? this.page))];
    this.#skipped = this.#skipped.flatMap((file) => {
      if (file.album) return [file];
      const folders = file.path.split("/").slice(0, -1);
      while (folders.length && !albums.has(folders.join("/"))) folders.pop();
      const ownAlbum = albums.get(folders.join("/"));
      const targets = ownAlbum || !allAlbums.length ? [ownAlbum ?? null] : file.isCompanion ? allAlbums.slice(0, 1) : allAlbums;
      file.album = targets[0];
      return [file, ...targets.slice(1).map((album) => ({ ...file, album, key: undefined }))];
    });
  }

  clearSkipped() {
    this.#persistence.forget(this.#skipped);
    this.#skipped = [];
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
  async query(album, items) {
    const reply = await this.#postManifest(album, items.slice(0, MAX_MANIFEST_FILES), false);
    for (let start = MAX_MANIFEST_FILES; start < items.length; start += MAX_MANIFEST_FILES) {
      reply.files.push(...(await this.#postManifest(album, items.slice(start, start + MAX_MANIFEST_FILES), false)).files);
    }
    return reply;
  }

  /** Called when the item's checksum has become known. */
  checksumKnown(item) {
    this.#lateChecksums.add(item);
  }

  cancel(items) {
    for (const { upload, state } of items) if (upload && !ENDED.has(state)) this.#deleteUpload(upload);
    this.#setCancelled(items);
    this.#checkIdle();
  }

  /** Cancels everything that has not arrived, and has the server cancel what is not processed yet. */
  async cancelAll() {
    const items = this.#fileStore.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const albums = new Set(items.map(({ album }) => album).filter(Boolean));
    this.#setCancelled(items);
    this.clearSkipped();
    if (this.queue.isPaused) this.queue.resume();
    await Promise.all(this.#deletions); // the server rejects the deletion of a file that it has cancelled with the others
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

  #deleteUpload(upload) {
    const deletion = repeatUntilAnswered(this.#transport, "DELETE", upload, TUS_HEADERS);
    this.#deletions.add(deletion);
    deletion.finally(() => this.#deletions.delete(deletion));
  }

  /** Declares the album's pending files. Of two calls at once, the second waits for the first and declares what is left. */
  #declareInTurn(album) {
    const previous = this.#declarations.get(album) ?? Promise.resolve();
    const current = previous.then(() => this.#declarePending(album));
    this.#declarations.set(album, current);
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
    const skipped = this.#skipped.filter((file) => (file.album ?? this.page) === album);
    const reply = await this.#postManifest(album, items, true, skipped.slice(0, MAX_MANIFEST_FILES));
    if (reply.files.every(({ state, held }) => state === "later" || held)) return reply; // another batch is in progress, or none was opened
    for (let start = MAX_MANIFEST_FILES; start < skipped.length; start += MAX_MANIFEST_FILES) {
      await this.#postManifest(album, [], true, skipped.slice(start, start + MAX_MANIFEST_FILES));
    }
    const isLastBatch = !this.#fileStore.in("later").some((item) => item.album === album);
    const declared = new Set(skipped.filter(({ isCompanion }) => isLastBatch || isCompanion));
    this.#skipped = this.#skipped.filter((file) => !declared.has(file));
    this.#persistence.forget([...declared]);
    return reply;
  }

  #applyReply(items, { files, operation, copying: isCopying, expires_at: expiresAt, chunk_bytes: advisedBytes }) {
    this.#transport.chunkSize.advise(advisedBytes);
    this.#lastResponseAt = performance.now();
    if (expiresAt) this.#expiryMs = Math.max(1000, Date.parse(expiresAt) - Date.now());
    items.forEach((item, index) => {
      if (item.state === "pending") this.#fileStore.set(item, afterDeclare(item, files[index]));
      else if (item.state === "cancelled" && files[index].upload) this.#deleteUpload(files[index].upload); // or the album would wait for it
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

  async #reportChecksums(items) {
    this.#persistence.save(items);
    for (const album of new Set(items.map((item) => item.album))) {
      const albumItems = items.filter((item) => item.album === album);
      const reply = await this.#postManifest(album, albumItems, true).catch(() => null);
      reply?.files.forEach((fileReply, index) => this.#applyChecksumReply(albumItems[index], afterChecksum(fileReply)));
    }
  }

  #applyChecksumReply(item, changes) {
    if (!changes || ENDED.has(item.state)) return;
    this.#fileStore.set(item, changes);
    this.queue.remove(item);
    if (item.state === "held") this.keep([item]);
    else this.#persistence.forget([item]);
  }

  /** Resolves with whether the queue is done with the item. */
  async #sendItem(item, signal) {
    this.#fileStore.set(item, { state: "sending", message: "" });
    const onOffset = (offset) => {
      this.#noteResponse();
      this.#fileStore.set(item, { offset, mustFetchOffset: false, hasRestarted: false });
    };
    const onSent = (inFlight) => this.#fileStore.set(item, { inFlight });
    const offset = item.mustFetchOffset ? null : item.offset; // another page's last chunk may still be in flight
    const checksum = () => this.#checksum(item, signal);
    try {
      await sendFile({ item, offset, checksum, transport: this.#transport, signal, onOffset, onSent });
      this.#fileStore.set(item, { state: "received", offset: item.size, inFlight: 0 });
      this.#persistence.forget([item]);
    } catch (error) {
      this.#handleError(item, error);
    }
    return item.state !== "waiting";
  }

  /** The file's SHA-256 in hex. The parts in a bucket do not prove the whole, so the server compares the joined file with it. */
  async #checksum(item, signal) {
    if (!item.sha256) this.#fileStore.set(item, { sha256: hex(await this.#transport.hashPart(item.file, { signal })) });
    return item.sha256;
  }

  #handleError(item, error) {
    if (error instanceof Paused) this.#fileStore.set(item, { state: "waiting", inFlight: 0 });
    else if (error instanceof Cancelled || item.state !== "sending") return;
    else if (error instanceof UploadGone) this.#handleGone(item, error.message);
    else if (error instanceof UploadRejected) this.#reject(item, error.message);
    else this.#setFailed(item, error instanceof Unreadable ? UNREADABLE : error.message || FAILED);
  }

  #reject(item, message) {
    this.#fileStore.set(item, { state: "refused", message, inFlight: 0 });
    this.#persistence.forget([item]);
    this.#deleteUpload(item.upload); // or the album would wait for it
  }

  #setFailed(item, message) {
    this.#fileStore.set(item, { state: "failed", message, inFlight: 0 });
  }

  /** After a long silence responses for several files come in any order: the first may be for a file that had arrived before. */
  #noteResponse() {
    if (this.#isSilent) this.#silenceEndedAt = performance.now();
    this.#lastResponseAt = performance.now();
  }

  get #isSilent() {
    return performance.now() - this.#lastResponseAt > this.#expiryMs * 0.9;
  }

  /** Uploads expire after a long silence, and are then all declared again, once; otherwise a person has cancelled this one. */
  #handleGone(item, message) {
    if (message) return this.#setFailed(item, message);
    const hasExpired = this.#isSilent || performance.now() - this.#silenceEndedAt < AFTER_SILENCE_MS;
    if (!hasExpired || item.hasRestarted) return this.#setFailed(item, CANCELLED);
    for (const expired of this.#fileStore.in("waiting", "sending").filter(({ album }) => album === item.album)) {
      this.#fileStore.set(expired, { state: "pending", inFlight: 0, hasRestarted: true, mustFetchOffset: true });
      this.queue.remove(expired);
    }
    this.#declareInTurn(item.album);
  }

  /** Asks which received files have become photos, at most every few seconds. */
  async pollReceived() {
    const isUnknown = ({ album, photo, message }) => album === this.page && !photo && !message;
    const items = this.#fileStore.in("received").filter(isUnknown).slice(0, MAX_MANIFEST_FILES);
    if (!items.length || performance.now() - this.#polledAt < POLL_RECEIVED_MS) return;
    this.#polledAt = performance.now();
    const reply = await this.#postManifest(this.page, items, false).catch(() => null);
    reply?.files.forEach((fileReply, index) => {
      const isProcessed = fileReply.state === "received" && (fileReply.photo || fileReply.message);
      if (isProcessed) this.#fileStore.set(items[index], processingResult(fileReply));
    });
  }

  /** When nothing is left to send: checks the sent files once more, and lets another tab send. */
  async #checkIdle() {
    if (!this.#isIdle) return;
    for (const album of this.#tabLock.ids) await this.#checkReceived(album);
    if (!this.#isIdle) return;
    this.#tabLock.releaseAll();
    this.#dispatch("idle");
  }

  get #isIdle() {
    return this.queue.isIdle && !this.#fileStore.in("pending").length;
  }

  /** Applies the server's verdict on files that were received, once each. After the batch has ended, the report shows it instead. */
  async #checkReceived(album) {
    const items = this.#fileStore.in("received").filter((item) => item.album === album && !item.isChecked);
    if (!items.length) return;
    for (const item of items) item.isChecked = true;
    const reply = await this.#postManifest(album, items, false).catch(() => null);
    if (!reply?.busy || !reply.batch?.mine) return;
    reply.files.forEach((fileReply, index) => {
      const changes = afterReceived(fileReply);
      if (changes) this.#fileStore.set(items[index], changes);
    });
  }

  #postManifest(album, items, open, skipped = []) {
    return declare(this.#albumUrls(album).manifest, items, { open, skipped, transport: this.#transport });
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
