/* The way of one file to the server: a part, its checksum, its acknowledgement, and on from there, whatever breaks in between.

   The server's offset is the truth. After whatever went wrong it is asked for, so that no acknowledged byte is sent again. */
import { backoff, sleep } from "./retry.js";
import { base64 } from "../hashing/sha256.js";
import { verdict } from "./response.js";
import { Stalled } from "./request.js";

export const RETRIES = 5;
export const TUS = { "Tus-Resumable": "1.0.0" };
export const SHUTS = new Set(["away", "signed-out", "busy"]);
const ENDS = new Set(["stands", "finished"]);
export const TOO_OFTEN = "It could not be sent, though it was tried again and again.";
const BYTES = { ...TUS, "Content-Type": "application/offset+octet-stream" };

/** The server will never take it. */
export class Refused extends Error {
  constructor(words, code = "") {
    super(words);
    this.code = code;
  }
}

/** The upload is not there any more; what becomes of the file is the manifest's to say. */
export class Gone extends Error {}

/** Tried often enough. */
export class GivenUp extends Error {}

/** Send the rest of `file` to the upload at `url`, from `offset` on. Resolves when the server has it all.

    An `offset` of null is asked for first, which ends whatever request of another page or device is still on its way, and makes the
    server finish what it has whole.

    `link` has request, part (hashing), line (shut while nobody answers), chunks, stallMs and pace (of backoff); `onOffset` hears
    of acknowledged bytes, `onSent` of those on their way beyond them. Rejects with Refused, Gone, GivenUp, Unreadable, or the
    signal's reason. */
export async function send({ file, url, offset, link, signal, onOffset, onSent }) {
  const way = new Way(url, link, signal);
  let [at, failures] = [offset ?? (await way.ask()).offset, 0];
  onOffset?.(at);
  while (at < file.size) {
    await link.line.open(signal);
    const outcome = await way.carry(file.slice(at, at + link.chunks.bytes), at, onSent);
    const stands = ENDS.has(outcome.is) ? outcome : await way.ask();
    if (stands.is === "finished") break;
    if (stands.offset > at) failures = 0;
    else if (!outcome.isExcused && !stands.isExcused) failures += 1;
    if (failures > RETRIES) throw new GivenUp(outcome.words ?? TOO_OFTEN);
    at = stands.offset;
    onSent?.(0);
    onOffset?.(at);
    if (failures) await sleep(backoff(failures - 1, link.pace), signal);
  }
}

class Way {
  #url;
  #link;
  #signal;

  constructor(url, link, signal) {
    this.#url = url;
    this.#link = link;
    this.#signal = signal;
  }

  /** Send one part; the verdict on it. isExcused: that it did not arrive is no retry used up. */
  async carry(piece, at, onSent) {
    const { chunks, part } = this.#link;
    const checksum = base64(await part(piece, { signal: this.#signal }));
    const headers = { ...BYTES, "Upload-Offset": String(at), "Upload-Checksum": `sha256 ${checksum}` };
    const started = performance.now();
    const outcome = await this.#request("PATCH", { headers, body: piece, onSent });
    if (outcome.is === "away") return this.#smaller({ ...outcome, words: "The connection broke again and again." });
    if (outcome.is === "slow") return this.#smaller(outcome, piece.size);
    if (outcome.is === "stands" && outcome.offset === at + piece.size) chunks.acknowledged(piece.size, performance.now() - started);
    return this.#settle(outcome);
  }

  /** Where the upload stands, asked until it is told. isExcused: nobody could have sent meanwhile. */
  async ask() {
    let isExcused = false;
    for (let tries = 0; ; tries++) {
      await this.#link.line.open(this.#signal);
      const outcome = this.#settle(await this.#request("HEAD", { headers: TUS }));
      if (ENDS.has(outcome.is)) return { ...outcome, isExcused };
      if (outcome.isExcused) {
        [isExcused, tries] = [true, -1];
        continue;
      }
      if (tries >= RETRIES) throw new GivenUp(outcome.words ?? TOO_OFTEN);
      await sleep(backoff(tries, this.#link.pace), this.#signal);
    }
  }

  /** Whether the line is shut, the file is hopeless, or it is only this part that went wrong. */
  #settle(outcome) {
    if (outcome.is === "refused") throw new Refused(outcome.words, outcome.code);
    if (outcome.is === "gone") throw new Gone(outcome.words);
    if (!SHUTS.has(outcome.is)) return outcome;
    this.#link.line.shut(outcome);
    return { ...outcome, isExcused: true };
  }

  #smaller(outcome, size) {
    const { chunks } = this.#link;
    const isExcused = Boolean(outcome.tooLarge) && !chunks.isLeast;
    if (outcome.tooLarge) chunks.tooLarge(size);
    else chunks.shrink();
    return { words: "Even small parts are too much for the connection.", ...outcome, isExcused };
  }

  async #request(method, options) {
    const { request, stallMs } = this.#link;
    try {
      return verdict(await request(method, this.#url, { ...options, stallMs, signal: this.#signal }));
    } catch (error) {
      if (error instanceof Stalled) return { is: method === "HEAD" ? "away" : "slow" };
      throw error;
    }
  }
}
