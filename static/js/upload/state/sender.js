/* Takes files from the list to their albums: declares them, sends what the server wants, and waits where it has to.

   The only writer of what becomes of a file once it shall be sent. It keeps what it needs to go on after a reload. */
import { LateChecksums, UNREADABLE } from "../hashing/background-hashing.js";
import { Unreadable } from "../hashing/hash-pool.js";
import { insist } from "../transport/repeat-until-answered.js";
import { ENDED } from "./file-store.js";
import { Busy, declare, NoAlbum } from "./manifest.js";
import { sleep } from "../transport/retry.js";
import { Cancelled, Paused, Queue } from "./queue.js";
import { carry } from "../transport/choose-transport.js";
import { hex } from "../hashing/sha256.js";
import { become, declared, recognised, settled } from "./server-state.js";
import { Turns } from "./tab-lock.js";
import { Gone, Refused, TUS } from "../transport/tus-upload.js";

const MOST_AT_ONCE = 2000; // what one manifest may list
const ASK_AGAIN_MS = 5000;
const FOLLOW_MS = 5000;
const EXPIRY_MS = 30 * 60_000;
const AFTER_SILENCE_MS = 60_000;
const FAILED = "Something went wrong that nobody thought of.";
const GONE = "It was cancelled, here or on another device.";
const UNDER_WAY = ["waiting", "sending"];

/** Tells of itself by the events "declared", "rested" and "change". */
export class Sender extends EventTarget {
  queue;
  isHeldBack = false;
  #ledger;
  #link;
  #keep;
  #album;
  #maxFiles;
  #skipped = [];
  #turns = new Turns(() => this.#tell("change"));
  #late = new LateChecksums((items) => this.#tellChecksums(items));
  #declaring = new Map();
  #heard = performance.now();
  #silenceEnded = -Infinity;
  #followed = -Infinity;
  #expiryMs = EXPIRY_MS;

  /** `album(id)` tells an album's addresses. The lock of `page`, the album on whose page this is, opens by opened(). */
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

  get waitsForTab() {
    return this.#turns.isWaiting;
  }

  /** Resolves with whether another tab is sending to one of these albums now. */
  isElsewhere(albums) {
    return this.#turns.isElsewhere(albums);
  }

  /** These shall go: now, or as soon as their album takes them. */
  async go(items) {
    for (const item of items) this.#ledger.set(item, { state: "pending", words: "", album: item.album ?? this.page });
    this.#keep.save([...items, ...this.#skipped]);
    const albums = new Set(items.map(({ album }) => album));
    await Promise.all([...albums].map((album) => this.#pump(album)));
  }

  /** Files of the folders that are sent, which are not sent themselves: {path, size, modified, album, isSkipped, isCompanion} each. They are told
      with the files that are sent to their album (the page's, where none is named), so that the receipt knows of them. */
  skip(files) {
    this.#skipped.push(...files);
  }

  /** The folders become albums of their own: `albums` are by their folders, `items` are the files that are sent.

      What lay in none of them is told to every album of this choice, so that no receipt calls a card safe that still holds it; a companion,
      which nobody misses, to the first alone. */
  moveSkipped(albums, items) {
    const all = [...new Set(items.map(({ album }) => album ?? this.page))];
    this.#skipped = this.#skipped.flatMap((one) => {
      if (one.album) return [one];
      const folders = one.path.split("/").slice(0, -1);
      while (folders.length && !albums.has(folders.join("/"))) folders.pop();
      const own = albums.get(folders.join("/"));
      const told = own || !all.length ? [own ?? null] : one.isCompanion ? all.slice(0, 1) : all;
      one.album = told[0];
      return [one, ...told.slice(1).map((album) => ({ ...one, album, key: undefined }))];
    });
  }

  /** Nothing of the folders is sent after all. */
  skipNothing() {
    this.#keep.forget(this.#skipped);
    this.#skipped = [];
  }

  /** Files of a batch that was begun elsewhere, or before a reload. */
  join(items) {
    for (const item of items) this.#ledger.set(item, { isUnderWay: true });
    return this.go(items);
  }

  /** The lock of an album has opened: what waited for it goes. */
  opened(album) {
    if (this.isHeldBack) return;
    const waiting = this.#ledger.in("later").filter((item) => item.album === album && item.file);
    if (waiting.length) this.go(waiting);
  }

  /** What these are to the server, without sending anything: as one answer, however many they are. */
  async compare(album, items) {
    const answer = await this.#ask(album, items.slice(0, MOST_AT_ONCE), false);
    for (let at = MOST_AT_ONCE; at < items.length; at += MOST_AT_ONCE) {
      answer.files.push(...(await this.#ask(album, items.slice(at, at + MOST_AT_ONCE), false)).files);
    }
    return answer;
  }

  /** Its checksum has become known. */
  learn(item) {
    this.#late.add(item);
  }

  cancel(items) {
    for (const { upload, state } of items) if (upload && !ENDED.has(state)) insist(this.#link, "DELETE", upload, TUS);
    this.#forgo(items);
    this.#rest();
  }

  /** Take back everything that has not arrived, and what the server has not developed yet. */
  async cancelAll() {
    const items = this.#ledger.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const albums = new Set(items.map(({ album }) => album).filter(Boolean));
    this.#forgo(items);
    this.skipNothing();
    if (this.queue.isPaused) this.queue.goOn();
    for (const album of albums) await insist(this.#link, "POST", this.#album(album).cancel);
    this.#rest();
  }

  #forgo(items) {
    for (const item of items) {
      this.#ledger.set(item, { state: "cancelled", inFlight: 0, words: "" });
      this.queue.remove(item);
    }
    this.#keep.forget(items);
  }

  /** Declare what is pending for an album; of two calls at once the second waits, and takes what is left. */
  #pump(album) {
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
    await this.#turns.take(album);
    try {
      this.#apply(lot, await this.#declare(album, lot));
    } catch (error) {
      this.#putOff(lot, error);
    }
    this.#tell("declared");
    this.#rest();
    if (album !== this.page && this.#ledger.in("later").some((item) => item.album === album)) this.#askAgain(album);
  }

  /** Each batch of a choice is told of all that was left out: none of their receipts shall say that the card is safe. */
  async #declare(album, items) {
    const skipped = this.#skipped.filter((one) => (one.album ?? this.page) === album);
    const answer = await this.#ask(album, items, true, skipped.slice(0, MOST_AT_ONCE));
    if (answer.files.every(({ state }) => state === "later")) return answer; // another batch is at work
    for (let at = MOST_AT_ONCE; at < skipped.length; at += MOST_AT_ONCE) {
      await this.#ask(album, [], true, skipped.slice(at, at + MOST_AT_ONCE));
    }
    const isLast = !this.#ledger.in("later").some((one) => one.album === album);
    const told = new Set(skipped.filter(({ isCompanion }) => isLast || isCompanion));
    this.#skipped = this.#skipped.filter((one) => !told.has(one));
    this.#keep.forget([...told]);
    return answer;
  }

  #apply(items, { files, expires_at: expiry, chunk_bytes: advised }) {
    this.#link.chunks.advise(advised);
    this.#heard = performance.now();
    if (expiry) this.#expiryMs = Math.max(1000, Date.parse(expiry) - Date.now());
    items.forEach((item, number) => {
      if (item.state === "pending") this.#ledger.set(item, declared(item, files[number])); // unless it was cancelled meanwhile
    });
    this.#keep.save(items.filter(({ state }) => !ENDED.has(state)));
    this.#keep.forget(items.filter(({ state }) => ENDED.has(state)));
    this.queue.add(items.filter(({ state }) => state === "waiting"));
  }

  #putOff(items, error) {
    const changes = error instanceof Busy ? { state: "later" } : { state: "failed", words: error.message };
    for (const item of items) if (item.state === "pending") this.#ledger.set(item, changes);
    if (error instanceof NoAlbum) this.#keep.forget(items);
  }

  async #tellChecksums(items) {
    this.#keep.save(items);
    for (const album of new Set(items.map((item) => item.album))) {
      const mine = items.filter((item) => item.album === album);
      const answer = await this.#ask(album, mine, true).catch(() => null);
      answer?.files.forEach((told, number) => this.#recognise(mine[number], recognised(told)));
    }
  }

  #recognise(item, changes) {
    if (!changes || ENDED.has(item.state)) return;
    this.#ledger.set(item, changes);
    this.queue.remove(item);
    this.#keep.forget([item]);
  }

  /** Resolves with whether this file needs no more carrying. */
  async #carry(item, signal) {
    this.#ledger.set(item, { state: "sending", words: "" });
    const onOffset = (offset) => {
      this.#hear();
      this.#ledger.set(item, { offset, isUnderWay: false, hasComeAgain: false });
    };
    const onSent = (inFlight) => this.#ledger.set(item, { inFlight });
    const offset = item.isUnderWay ? null : item.offset; // another page's last part may still be on its way
    try {
      await carry({ item, offset, checksum: () => this.#checksum(item, signal), link: this.#link, signal, onOffset, onSent });
      this.#ledger.set(item, { state: "received", offset: item.size, inFlight: 0 });
      this.#keep.forget([item]);
    } catch (error) {
      this.#broke(item, error);
    }
    return item.state !== "waiting";
  }

  /** Parts in the bucket prove nothing of the whole: the server holds what it reads back to this. */
  async #checksum(item, signal) {
    if (!item.sha256) this.#ledger.set(item, { sha256: hex(await this.#link.part(item.file, { signal })) });
    return item.sha256;
  }

  #broke(item, error) {
    if (error instanceof Paused) this.#ledger.set(item, { state: "waiting", inFlight: 0 });
    else if (error instanceof Cancelled || item.state !== "sending") return;
    else if (error instanceof Gone) this.#gone(item, error.message);
    else if (error instanceof Refused) this.#refuse(item, error.message);
    else this.#ledger.set(item, { state: "failed", inFlight: 0, words: error instanceof Unreadable ? UNREADABLE : error.message || FAILED });
  }

  #refuse(item, words) {
    this.#ledger.set(item, { state: "refused", words, inFlight: 0 });
    this.#keep.forget([item]);
    insist(this.#link, "DELETE", item.upload, TUS); // or the album would wait for it
  }

  /** After a long silence the answers of several files arrive in any order: a file that had arrived before may be the first. */
  #hear() {
    if (this.#isSilent) this.#silenceEnded = performance.now();
    this.#heard = performance.now();
  }

  get #isSilent() {
    return performance.now() - this.#heard > this.#expiryMs * 0.9;
  }

  /** Uploads end when nobody sends for long, and then all of them come again; otherwise a person has cancelled this one. */
  #gone(item, words) {
    if (words) return this.#ledger.set(item, { state: "failed", words, inFlight: 0 });
    const wasIdle = this.#isSilent || performance.now() - this.#silenceEnded < AFTER_SILENCE_MS;
    if (!wasIdle || item.hasComeAgain) return this.#ledger.set(item, { state: "failed", words: GONE, inFlight: 0 });
    for (const one of this.#ledger.in(...UNDER_WAY).filter(({ album }) => album === item.album)) {
      this.#ledger.set(one, { state: "pending", inFlight: 0, hasComeAgain: true, isUnderWay: true });
      this.queue.remove(one);
    }
    this.#pump(item.album);
  }

  /** What was received becomes photos while the others are sent: ask what of it, at most every few seconds. */
  async follow() {
    const sent = this.#ledger.in("received").filter(({ album, photo, words }) => album === this.page && !photo && !words);
    if (!sent.length || performance.now() - this.#followed < FOLLOW_MS) return;
    this.#followed = performance.now();
    const answer = await this.#ask(this.page, sent.slice(0, MOST_AT_ONCE), false).catch(() => null);
    answer?.files.forEach((told, number) => {
      if (told.state === "received" && (told.photo || told.message)) this.#ledger.set(sent[number], become(told));
    });
  }

  /** Nothing is being sent any more: what was sent is looked at once more, and another tab may have its turn. */
  async #rest() {
    if (!this.#isResting) return;
    for (const album of this.#turns.albums) await this.#settle(album);
    if (!this.#isResting) return;
    this.#turns.letGo();
    this.#tell("rested");
  }

  get #isResting() {
    return this.queue.isIdle && !this.#ledger.in("pending").length;
  }

  /** Only of a batch that is still at work: what its photos have become since is the report's to tell. */
  async #settle(album) {
    const sent = this.#ledger.in("received").filter((item) => item.album === album && !item.isSettled);
    if (!sent.length) return;
    for (const item of sent) item.isSettled = true;
    const answer = await this.#ask(album, sent, false).catch(() => null);
    if (!answer?.busy || !answer.batch?.mine) return;
    answer.files.forEach((told, number) => {
      const changes = settled(told);
      if (changes) this.#ledger.set(sent[number], changes);
    });
  }

  #ask(album, items, open, skipped = []) {
    return declare(this.#album(album).manifest, items, { open, skipped, link: this.#link });
  }

  /** Another album's panel is not on this page, so its lock is asked for. */
  async #askAgain(album) {
    await sleep(ASK_AGAIN_MS);
    this.opened(album);
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
