/* Takes files from the list to their albums: declares them, sends what the server wants, and waits where it has to.

   The only writer of what becomes of a file once it shall be sent. It keeps what it needs to go on after a reload. */
import { UNREADABLE } from "./checksums.js";
import { Unreadable } from "./hasher.js";
import { ENDED } from "./ledger.js";
import { Busy, declare, NoAlbum } from "./manifest.js";
import { Cancelled, Paused, Queue } from "./queue.js";
import { sleep } from "./patience.js";
import * as turns from "./turns.js";
import { Gone, Refused, send } from "./way.js";

const TELL_CHECKSUMS_MS = 1500;
const ASK_AGAIN_MS = 5000;
const EXPIRY_MS = 30 * 60_000;
const FAILED = "Something went wrong that nobody thought of.";
const GONE = "It was cancelled, here or on another device.";

export class Sender extends EventTarget {
  queue;
  isHeldBack = false;
  waitsForTab = false;
  #ledger;
  #link;
  #keep;
  #album;
  #maxFiles;
  #turns = new Map();
  #declaring = new Map();
  #learned = new Set();
  #heard = performance.now();
  #expiryMs = EXPIRY_MS;

  /** `album(id)` tells an album's addresses; the lock of the page's own album opens by opened(). */
  constructor({ ledger, link, keep, album, page, maxFiles }) {
    super();
    this.#ledger = ledger;
    this.#link = link;
    this.#keep = keep;
    this.#album = album;
    this.page = page;
    this.#maxFiles = maxFiles;
    this.queue = new Queue((item, signal) => this.#carry(item, signal), { onIdle: () => this.#rest() });
  }

  /** These shall go: now, or as soon as their album takes them. */
  async go(items) {
    for (const item of items) this.#ledger.set(item, { state: "pending", words: "", album: item.album ?? this.page });
    this.#keep.save(items);
    const albums = new Set(items.map(({ album }) => album));
    await Promise.all([...albums].map((album) => this.#pump(album)));
  }

  /** The lock of an album has opened: what waited for it goes. */
  opened(album) {
    if (this.isHeldBack) return;
    const waiting = this.#ledger.in("later").filter((item) => item.album === album && item.file);
    if (waiting.length) this.go(waiting);
  }

  /** Files of a batch that was begun elsewhere, or before a reload. */
  join(items) {
    for (const item of items) this.#ledger.set(item, { isUnderWay: true });
    return this.go(items);
  }

  cancel(items) {
    for (const item of items) {
      const { upload, state } = item;
      this.#ledger.set(item, { state: "cancelled", inFlight: 0, words: "" });
      this.queue.remove(item);
      if (upload && !ENDED.has(state)) this.#withdraw(upload);
    }
    this.#keep.forget(items);
    this.#rest();
  }

  /** Take back everything that has not arrived, and what the server has not developed yet. */
  async cancelAll() {
    const items = this.#ledger.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const albums = new Set(items.map(({ album }) => album).filter(Boolean));
    for (const item of items) {
      this.#ledger.set(item, { state: "cancelled", inFlight: 0, words: "" });
      this.queue.remove(item);
    }
    this.#keep.forget(items);
    if (this.queue.isPaused) this.queue.goOn();
    for (const album of albums) await this.#post(this.#album(album).cancel);
    this.#rest();
  }

  /** Its checksum is known now. A while later all such are told at once, so that what is here already is not sent. */
  learn(item) {
    if (!item.upload || !["waiting", "sending"].includes(item.state)) return;
    if (!this.#learned.size) setTimeout(() => this.#tellChecksums(), TELL_CHECKSUMS_MS);
    this.#learned.add(item);
  }

  async #tellChecksums() {
    const items = [...this.#learned].filter(({ state }) => state === "waiting" || state === "sending");
    this.#learned.clear();
    this.#keep.save(items);
    for (const album of new Set(items.map(({ album }) => album))) {
      const mine = items.filter((item) => item.album === album);
      const answer = await this.#declare(album, mine).catch(() => null);
      answer?.files.forEach((told, number) => {
        const item = mine[number];
        if (ENDED.has(item.state) || !["here", "twice"].includes(told.state)) return;
        this.#ledger.set(item, { state: "here", words: told.message, photo: told.photo, inFlight: 0 });
        this.queue.remove(item);
        this.#keep.forget([item]);
      });
    }
  }

  /** Declare what is pending for an album; of two calls at once the second waits, and takes what is left. */
  async #pump(album) {
    const before = this.#declaring.get(album) ?? Promise.resolve();
    const now = before.then(() => this.#declarePending(album));
    this.#declaring.set(album, now);
    return now;
  }

  async #declarePending(album) {
    const pending = this.#ledger.in("pending").filter((item) => item.album === album && item.file);
    if (!pending.length) return;
    pending.sort((a, b) => Number(Boolean(b.upload)) - Number(Boolean(a.upload)));
    const [lot, rest] = [pending.slice(0, this.#maxFiles), pending.slice(this.#maxFiles)];
    for (const item of rest) this.#ledger.set(item, { state: "later" });
    await this.#takeTurn(album);
    try {
      const answer = await this.#declare(album, lot);
      this.#link.advise?.(answer.chunk_bytes);
      if (answer.expires_at) this.#expiryMs = Math.max(1000, Date.parse(answer.expires_at) - Date.now());
      this.#heard = performance.now();
      this.#apply(lot, answer.files);
    } catch (error) {
      const state = error instanceof Busy ? "later" : "failed";
      for (const item of lot) if (item.state === "pending") this.#ledger.set(item, { state, words: state === "failed" ? error.message : "" });
      if (error instanceof NoAlbum) this.#keep.forget(lot);
    }
    this.#tell("declared");
    this.#rest();
    if (album !== this.page && this.#ledger.in("later").some((item) => item.album === album)) this.#askAgain(album);
  }

  #apply(items, answers) {
    const wanted = [];
    items.forEach((item, number) => {
      const { state, upload, offset, message, photo } = answers[number];
      if (item.state !== "pending") return; // cancelled meanwhile
      if (upload && state !== "received") {
        this.#ledger.set(item, { state: "waiting", upload, offset, words: "", isUnderWay: item.isUnderWay || state === "half" });
        wanted.push(item);
      } else if (state === "received") this.#ledger.set(item, { state, upload, offset: item.size, words: "" });
      else if (state === "here" || state === "twice") this.#ledger.set(item, { state: "here", words: message, photo });
      else if (state === "refused") this.#ledger.set(item, { state, words: message });
      else this.#ledger.set(item, { state: "later", upload: null, offset: 0 });
    });
    this.#keep.save(items.filter(({ state }) => !ENDED.has(state)));
    this.#keep.forget(items.filter(({ state }) => ENDED.has(state)));
    this.queue.add(wanted);
  }

  /** Resolves with whether this file needs no more carrying. */
  async #carry(item, signal) {
    this.#ledger.set(item, { state: "sending", words: "" });
    const onOffset = (offset) => {
      this.#heard = performance.now();
      this.#ledger.set(item, { offset, isUnderWay: false, hasComeAgain: false });
    };
    const onSent = (inFlight) => this.#ledger.set(item, { inFlight });
    const offset = item.isUnderWay ? null : item.offset; // another page's last part may still be on its way
    try {
      await send({ file: item.file, url: item.upload, offset, link: this.#link, signal, onOffset, onSent });
      this.#ledger.set(item, { state: "received", offset: item.size, inFlight: 0 });
      this.#keep.forget([item]);
    } catch (error) {
      this.#broke(item, error);
    }
    return item.state !== "waiting";
  }

  #broke(item, error) {
    if (error instanceof Paused) this.#ledger.set(item, { state: "waiting", inFlight: 0 });
    else if (error instanceof Cancelled || item.state !== "sending") return;
    else if (error instanceof Gone) this.#gone(item);
    else if (error instanceof Refused) this.#end(item, "refused", error.message);
    else this.#end(item, "failed", error instanceof Unreadable ? UNREADABLE : error.message || FAILED);
  }

  /** Uploads end when nobody sends for long, and then all of them come again; otherwise a person has cancelled this one. */
  #gone(item) {
    const wasIdle = performance.now() - this.#heard > this.#expiryMs * 0.9;
    if (!wasIdle || item.hasComeAgain) return this.#end(item, "failed", GONE);
    const ended = this.#ledger.in("waiting", "sending").filter(({ album }) => album === item.album);
    for (const one of ended) {
      this.#ledger.set(one, { state: "pending", inFlight: 0, hasComeAgain: true, isUnderWay: true });
      this.queue.remove(one);
    }
    this.#pump(item.album);
  }

  #end(item, state, words) {
    this.#ledger.set(item, { state, words, inFlight: 0 });
    if (state !== "refused") return;
    this.#keep.forget([item]);
    this.#withdraw(item.upload); // or the album would wait for it
  }

  /** Nothing is being sent any more: what was sent is looked at once more, and another tab may have its turn. */
  async #rest() {
    if (!this.queue.isIdle || this.#ledger.in("pending").length) return;
    for (const album of this.#turns.keys()) await this.#settle(album);
    if (!this.queue.isIdle || this.#ledger.in("pending").length) return;
    for (const [album, release] of this.#turns) {
      this.#turns.delete(album);
      release();
    }
    this.#tell("rested");
  }

  /** The last byte is acknowledged before the whole is looked at: the same photo twice, or a file that changed on its way. */
  async #settle(album) {
    const sent = this.#ledger.in("received").filter((item) => item.album === album && !item.isSettled);
    if (!sent.length) return;
    for (const item of sent) item.isSettled = true;
    const answer = await this.#ask(album, sent, false).catch(() => null);
    if (!answer?.busy || !answer.batch?.mine) return;
    answer.files.forEach(({ state, message, photo, code }, number) => {
      if (state === "here" || state === "twice") this.#ledger.set(sent[number], { state: "here", words: message, photo });
      else if (state === "refused") this.#ledger.set(sent[number], { state: code === "duplicate" ? "here" : state, words: message, photo });
    });
  }

  async #takeTurn(album) {
    if (this.#turns.has(album)) return;
    const release = await turns.take(album, () => {
      this.waitsForTab = true;
      this.#tell("change");
    });
    this.waitsForTab = false;
    this.#turns.set(album, release);
  }

  #declare(album, items) {
    return this.#ask(album, items, true);
  }

  #ask(album, items, open) {
    return declare(this.#album(album).manifest, items, { open, link: this.#link });
  }

  /** What these are to the server, without sending anything. */
  compare(album, items) {
    return this.#ask(album, items, false);
  }

  /** Another album's panel is not on this page, so its lock is asked for. */
  async #askAgain(album) {
    await sleep(ASK_AGAIN_MS);
    this.opened(album);
  }

  async #withdraw(upload) {
    for (let tries = 0; tries < 5; tries++) {
      await this.#link.line.open();
      const { status } = await this.#link.request("DELETE", upload, { headers: { "Tus-Resumable": "1.0.0" } }).catch(() => ({ status: 0 }));
      if (status) return;
      this.#link.line.shut({ is: "away" });
    }
  }

  async #post(url) {
    for (let tries = 0; tries < 5; tries++) {
      await this.#link.line.open();
      const { status } = await this.#link.request("POST", url).catch(() => ({ status: 0 }));
      if (status) return;
      this.#link.line.shut({ is: "away" });
    }
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
