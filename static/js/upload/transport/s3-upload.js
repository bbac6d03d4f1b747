/* Sends one file straight to the bucket, as an S3 multipart upload: to URLs that the server signs for each part.

   The bucket's list of parts is authoritative. The server passes it on after every error, so that no stored part is sent again. */
import { Stalled } from "./request.js";
import { interpret } from "./response.js";
import { backoff, retryAfter, sleep } from "./retry.js";
import { CLOSES_CONNECTION, countsAsRetry, MAX_RETRIES, RETRIES_EXHAUSTED, RetriesExhausted, UploadGone, UploadRejected } from "./tus-upload.js";

const MAX_UNANSWERED = 3;
const REPORT_EVERY_MS = 15_000;
const CHECK_AGAIN_MS = 2000;
const JSON_BODY = { "Content-Type": "application/json" };
const UNPROCESSABLE = 422;
const CHECKSUM_MISMATCH = "not-as-declared";

/** The server responds, but the bucket does not: this browser may have no access to it at all. */
export class BucketUnreachable extends Error {}

/** Sends the missing parts of `file`, and has the server complete the upload. Resolves when the server has acknowledged the file.

    `parts` is the URL below which the server signs and lists parts; `partBytes` is the size of each but the last. `isNew`: no part was
    sent before. `checksum()` resolves with the file's SHA-256 in hex; it is called at once and awaited at the end. `transport` has
    request, connection, bucket ({hasAnswered}), stallMs and backoffOptions; `onOffset(bytes)` reports stored bytes, `onSent(bytes)` those
    sent beyond them.

    Rejects with UploadRejected, UploadGone, RetriesExhausted, BucketUnreachable, Unreadable, or the signal's reason. */
export async function sendToBucket({ file, parts, partBytes, isNew, checksum, transport, signal, onOffset, onSent }) {
  const upload = new S3Upload({ file, parts, partBytes, transport, signal, onSent });
  const sha256 = checksum();
  sha256.catch(() => {}); // handled where it is awaited
  if (!isNew && (await upload.fetchParts()).kind === "finished") return;
  onOffset?.(upload.storedBytes);
  for (let failures = 0; ; ) {
    await transport.connection.untilOpen(signal);
    const number = upload.nextPart;
    const outcome = number ? await upload.sendPart(number) : await upload.complete(await sha256);
    onSent?.(0);
    onOffset?.(upload.storedBytes);
    if (outcome.kind === "finished") return;
    if (outcome.kind === "ok") {
      failures = 0;
      continue;
    }
    const bytesBefore = upload.storedBytes;
    const status = await upload.fetchParts();
    if (status.kind === "finished") return;
    onOffset?.(upload.storedBytes);
    if (upload.storedBytes > bytesBefore) failures = 0;
    else if (countsAsRetry(outcome) && countsAsRetry(status)) failures += 1;
    const maxUnanswered = transport.bucket.hasAnswered ? MAX_RETRIES : MAX_UNANSWERED;
    if (outcome.kind === "bucket-unanswered" && failures > maxUnanswered && !upload.storedBytes) throw new BucketUnreachable();
    if (failures > MAX_RETRIES) throw new RetriesExhausted(outcome.message ?? RETRIES_EXHAUSTED);
    if (failures) await sleep(backoff(failures - 1, transport.backoffOptions), signal);
  }
}

class S3Upload {
  #file;
  #parts;
  #partBytes;
  #transport;
  #signal;
  #onSent;
  #storedParts = new Set();
  #reportedAt = performance.now();

  constructor({ file, parts, partBytes, transport, signal, onSent }) {
    this.#file = file;
    this.#parts = parts;
    this.#partBytes = partBytes;
    this.#transport = transport;
    this.#signal = signal;
    this.#onSent = onSent;
  }

  get storedBytes() {
    return [...this.#storedParts].reduce((sum, number) => sum + this.#slice(number).size, 0);
  }

  /** The number of the first part that is not stored; 0 when all are. */
  get nextPart() {
    const count = Math.ceil(this.#file.size / this.#partBytes);
    for (let number = 1; number <= count; number++) if (!this.#storedParts.has(number)) return number;
    return 0;
  }

  /** Updates the stored parts from the bucket's list, once the server has answered. Resolves with an outcome: "ok", or "finished" when
      the file is acknowledged. It does not count as a retry if the connection was closed meanwhile. */
  async fetchParts() {
    let wasClosed = false;
    for (let attempt = 0; ; attempt++) {
      await this.#transport.connection.untilOpen(this.#signal);
      const outcome = await this.#ask("GET", this.#parts);
      if (outcome.kind === "finished") return outcome;
      if (outcome.kind === "ok") {
        const complete = outcome.json.filter(({ PartNumber, Size }) => this.#slice(PartNumber).size === Size);
        this.#storedParts = new Set(complete.map(({ PartNumber }) => PartNumber));
        return { kind: "ok", countsAsRetry: !wasClosed };
      }
      if (!countsAsRetry(outcome)) [wasClosed, attempt] = [true, -1];
      else if (attempt >= MAX_RETRIES) throw new RetriesExhausted(outcome.message ?? RETRIES_EXHAUSTED);
      else await sleep(backoff(attempt, this.#transport.backoffOptions), this.#signal);
    }
  }

  async sendPart(number) {
    const body = this.#slice(number);
    const signed = await this.#ask("GET", `${this.#parts}/${number}?size=${body.size}`);
    if (signed.kind !== "ok") return signed;
    const response = await this.#request("PUT", signed.json.url, { body, onSent: (bytes) => this.#reportSent(bytes) });
    if (response.status === 200) {
      this.#storedParts.add(number);
      this.#transport.bucket.hasAnswered = true;
      return { kind: "ok" };
    }
    if (response.status) return { kind: "error", message: `The bucket responded with status ${response.status}.` };
    return { kind: "bucket-unanswered", message: "This browser can’t reach the bucket." };
  }

  /** Has the server join the parts and verify the file. A worker does that for large files, and the server returns 202 until it is done. */
  async complete(sha256) {
    const outcome = await this.#ask("POST", `${this.#parts}/complete`, { headers: JSON_BODY, body: JSON.stringify({ sha256 }) });
    if (outcome.kind !== "ok") return outcome;
    if (outcome.status === 202) {
      await sleep(outcome.ms ?? CHECK_AGAIN_MS, this.#signal);
      return { kind: "ok" };
    }
    return { kind: "finished" };
  }

  #slice(number) {
    return this.#file.slice((number - 1) * this.#partBytes, number * this.#partBytes);
  }

  /** Reports progress, to the server too: it sees only whole parts, and other devices and the upload's expiry depend on it. */
  #reportSent(bytes) {
    this.#onSent?.(bytes);
    if (performance.now() - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = performance.now();
    this.#request("POST", `${this.#parts}/arrived?bytes=${this.storedBytes + bytes}`).catch(() => {});
  }

  /** Sends a request to Darkroom's server. Resolves with an outcome, "ok" with its JSON. Closes the connection if the server cannot be
      used, and throws if the file or the upload is lost. */
  async #ask(method, url, options) {
    const response = await this.#request(method, url, options);
    const { status, json } = response;
    if (status >= 200 && status < 300 && json) return { kind: "ok", status, json, ms: retryAfter(response.header("Retry-After")) };
    if (status === UNPROCESSABLE) {
      throw json?.error === CHECKSUM_MISMATCH ? new RetriesExhausted(json.message) : new UploadRejected(json?.message ?? "", json?.error);
    }
    const outcome = status >= 200 && status < 300 ? { kind: "signed-out" } : interpret(response); // an HTML page is the sign-in page
    if (outcome.kind === "rejected") throw new UploadRejected(outcome.message, outcome.code);
    if (outcome.kind === "gone") throw new UploadGone(outcome.message);
    if (!CLOSES_CONNECTION.has(outcome.kind)) return outcome;
    this.#transport.connection.close(outcome);
    return { ...outcome, countsAsRetry: false };
  }

  async #request(method, url, options) {
    const { request, stallMs } = this.#transport;
    try {
      return await request(method, url, { ...options, stallMs, signal: this.#signal });
    } catch (error) {
      if (error instanceof Stalled) return { status: 0, header: () => null, json: null };
      throw error;
    }
  }
}
