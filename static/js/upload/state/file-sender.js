/* Sends one declared file, records its progress, and decides what an error means for it. */
import { UNREADABLE } from "../hashing/background-hashing.js";
import { Unreadable } from "../hashing/hash-pool.js";
import { hex } from "../hashing/sha256.js";
import { sendFile } from "../transport/choose-transport.js";
import { repeatUntilAnswered } from "../transport/repeat-until-answered.js";
import { TUS_HEADERS, UploadGone, UploadRejected } from "../transport/tus-upload.js";
import { Cancelled, Paused } from "./queue.js";

const DEFAULT_EXPIRY_MS = 30 * 60_000;
const AFTER_SILENCE_MS = 60_000;
const FAILED = "Unexpected error. Reload the page and try again.";
const CANCELLED = "Cancelled here or on another device.";

export class FileSender {
  #fileStore;
  #transport;
  #persistence;
  #declareAgain;
  #deletions = new Set();
  #lastResponseAt = performance.now();
  #silenceEndedAt = -Infinity;
  #expiryMs = DEFAULT_EXPIRY_MS;

  /** `declareAgain(items, album)` is called with all files of an album whose uploads have expired. */
  constructor({ fileStore, transport, persistence, declareAgain }) {
    this.#fileStore = fileStore;
    this.#transport = transport;
    this.#persistence = persistence;
    this.#declareAgain = declareAgain;
  }

  /** Records that files were declared, whose uploads expire at `expiresAt`, an ISO 8601 time, unless bytes arrive. */
  noteDeclared(expiresAt) {
    this.#lastResponseAt = performance.now();
    if (expiresAt) this.#expiryMs = Math.max(1000, Date.parse(expiresAt) - Date.now());
  }

  deleteUpload(upload) {
    const deletion = repeatUntilAnswered(this.#transport, "DELETE", upload, TUS_HEADERS);
    this.#deletions.add(deletion);
    deletion.finally(() => this.#deletions.delete(deletion));
  }

  /** Resolves when the server has answered all deletions. */
  deletionsDone() {
    return Promise.all(this.#deletions);
  }

  /** Resolves with whether the queue is done with the item. */
  async send(item, signal) {
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
    this.deleteUpload(item.upload); // or the album would wait for it
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
    const expired = this.#fileStore.in("waiting", "sending").filter(({ album }) => album === item.album);
    for (const one of expired) this.#fileStore.set(one, { state: "pending", inFlight: 0, hasRestarted: true, mustFetchOffset: true });
    this.#declareAgain(expired, item.album);
  }
}
