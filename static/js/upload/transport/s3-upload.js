/* The way of one file straight to the bucket: its parts go to addresses that the server signs, and are joined when all are there.

   What the bucket has is the truth, and the server tells it: after whatever went wrong the parts that are there are asked for, so that
   none of them is sent again. */
import { backoff, retryAfter, sleep } from "./retry.js";
import { verdict } from "./response.js";
import { GivenUp, Gone, Refused, RETRIES, SHUTS, TOO_OFTEN } from "./tus-upload.js";
import { Stalled } from "./request.js";

const UNHEARD = 3;
const TELL_EVERY_MS = 15_000;
const LOOK_AGAIN_MS = 2000;
const JSON_BODY = { "Content-Type": "application/json" };
const UNWANTED = 422;
const DAMAGED = "not-as-declared";

/** The server answers, but the bucket does not: this browser may not reach it at all. */
export class Unreachable extends Error {}

/** Send the parts of `file` that are not there yet, and have them joined. Resolves when the server has acknowledged the whole.

    `parts` is the address below which the server signs and lists, `partBytes` the size of each but the last. `isNew`: none was sent before.
    `checksum()` resolves with the file's SHA-256 in hex; it is asked for at once, and waited for at the end. `link` has request, line,
    bucket ({hasAnswered}), stallMs and pace; `onOffset` hears of stored bytes, `onSent` of those on their way beyond them.

    Rejects with Refused, Gone, GivenUp, Unreachable, Unreadable, or the signal's reason. */
export async function sendParts({ file, parts, partBytes, isNew, checksum, link, signal, onOffset, onSent }) {
  const way = new Parts({ file, parts, partBytes, link, signal, onSent });
  const whole = checksum();
  whole.catch(() => {}); // it is waited for later
  if (!isNew && (await way.look()).is === "finished") return;
  onOffset?.(way.bytesThere);
  for (let failures = 0; ; ) {
    await link.line.open(signal);
    const number = way.missing;
    const outcome = number ? await way.put(number) : await way.join(await whole);
    onSent?.(0);
    onOffset?.(way.bytesThere);
    if (outcome.is === "finished") return;
    if (outcome.is === "fine") {
      failures = 0;
      continue;
    }
    const before = way.bytesThere;
    const stands = await way.look();
    if (stands.is === "finished") return;
    onOffset?.(way.bytesThere);
    if (way.bytesThere > before) failures = 0;
    else if (!outcome.isExcused && !stands.isExcused) failures += 1;
    if (outcome.is === "unheard" && failures > (link.bucket.hasAnswered ? RETRIES : UNHEARD) && !way.bytesThere) throw new Unreachable();
    if (failures > RETRIES) throw new GivenUp(outcome.words ?? TOO_OFTEN);
    if (failures) await sleep(backoff(failures - 1, link.pace), signal);
  }
}

class Parts {
  #file;
  #parts;
  #partBytes;
  #link;
  #signal;
  #onSent;
  #there = new Set();
  #told = performance.now();

  constructor({ file, parts, partBytes, link, signal, onSent }) {
    this.#file = file;
    this.#parts = parts;
    this.#partBytes = partBytes;
    this.#link = link;
    this.#signal = signal;
    this.#onSent = onSent;
  }

  get bytesThere() {
    return [...this.#there].reduce((sum, number) => sum + this.#slice(number).size, 0);
  }

  /** The number of the first part that is not there; 0 when all are. */
  get missing() {
    const count = Math.ceil(this.#file.size / this.#partBytes);
    for (let number = 1; number <= count; number++) if (!this.#there.has(number)) return number;
    return 0;
  }

  /** Ask which parts are there until it is told: "fine", or "finished" when the whole is acknowledged. isExcused: nobody could have
      sent meanwhile. */
  async look() {
    let isExcused = false;
    for (let tries = 0; ; tries++) {
      await this.#link.line.open(this.#signal);
      const outcome = await this.#ask("GET", this.#parts);
      if (outcome.is === "finished") return outcome;
      if (outcome.is === "fine") {
        const fit = outcome.json.filter(({ PartNumber, Size }) => this.#slice(PartNumber).size === Size);
        this.#there = new Set(fit.map(({ PartNumber }) => PartNumber));
        return { is: "fine", isExcused };
      }
      if (outcome.isExcused) [isExcused, tries] = [true, -1];
      else if (tries >= RETRIES) throw new GivenUp(outcome.words ?? TOO_OFTEN);
      else await sleep(backoff(tries, this.#link.pace), this.#signal);
    }
  }

  async put(number) {
    const piece = this.#slice(number);
    const signed = await this.#ask("GET", `${this.#parts}/${number}?size=${piece.size}`);
    if (signed.is !== "fine") return signed;
    const answer = await this.#request("PUT", signed.json.url, { body: piece, onSent: (sent) => this.#sent(sent) });
    if (answer.status === 200) {
      this.#there.add(number);
      this.#link.bucket.hasAnswered = true;
      return { is: "fine" };
    }
    if (answer.status) return { is: "broken", words: `The bucket answered ${answer.status}.` };
    return { is: "unheard", words: "The bucket does not answer this browser." };
  }

  /** Have the parts joined, and the whole read back and acknowledged: by a worker, if it is large. */
  async join(sha256) {
    const outcome = await this.#ask("POST", `${this.#parts}/complete`, { headers: JSON_BODY, body: JSON.stringify({ sha256 }) });
    if (outcome.is !== "fine") return outcome;
    if (outcome.status === 202) {
      await sleep(outcome.ms ?? LOOK_AGAIN_MS, this.#signal);
      return { is: "fine" };
    }
    return { is: "finished" };
  }

  #slice(number) {
    return this.#file.slice((number - 1) * this.#partBytes, number * this.#partBytes);
  }

  /** Other devices, and the upload's expiry, know of whole parts only, unless they are told. */
  #sent(sent) {
    this.#onSent?.(sent);
    if (performance.now() - this.#told < TELL_EVERY_MS) return;
    this.#told = performance.now();
    this.#request("POST", `${this.#parts}/arrived?bytes=${this.bytesThere + sent}`).catch(() => {});
  }

  /** An answer of our server: "fine" with its JSON, or what else it means. Shuts the line where nothing can be done for now. */
  async #ask(method, url, options) {
    const answer = await this.#request(method, url, options);
    const { status, json } = answer;
    if (status >= 200 && status < 300 && json) return { is: "fine", status, json, ms: retryAfter(answer.header("Retry-After")) };
    if (status === UNWANTED) throw json?.error === DAMAGED ? new GivenUp(json.message) : new Refused(json?.message ?? "", json?.error);
    const outcome = status >= 200 && status < 300 ? { is: "signed-out" } : verdict(answer); // a page is the sign-in
    if (outcome.is === "refused") throw new Refused(outcome.words, outcome.code);
    if (outcome.is === "gone") throw new Gone(outcome.words);
    if (!SHUTS.has(outcome.is)) return outcome;
    this.#link.line.shut(outcome);
    return { ...outcome, isExcused: true };
  }

  async #request(method, url, options) {
    const { request, stallMs } = this.#link;
    try {
      return await request(method, url, { ...options, stallMs, signal: this.#signal });
    } catch (error) {
      if (error instanceof Stalled) return { status: 0, header: () => null, json: null };
      throw error;
    }
  }
}
