/* Sends one file to the server by tus: chunk by chunk, each with a checksum, and on from the acknowledged offset after any error.

   The server's offset is authoritative. It is fetched after every error, so that no acknowledged byte is sent again. */
import { base64 } from "../hashing/sha256.js";
import { Stalled } from "./request.js";
import { interpret } from "./response.js";
import { backoff, sleep } from "./retry.js";

export const MAX_RETRIES = 5;
export const TUS_HEADERS = { "Tus-Resumable": "1.0.0" };
export const CLOSES_CONNECTION = new Set(["unreachable", "signed-out", "busy"]);
export const RETRIES_EXHAUSTED = "Upload failed after several attempts.";
const KNOWS_OFFSET = new Set(["offset", "finished"]);
const CHUNK_HEADERS = { ...TUS_HEADERS, "Content-Type": "application/offset+octet-stream" };

/** The server will never accept the file. */
export class UploadRejected extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/** The upload no longer exists on the server; the manifest says what became of the file. */
export class UploadGone extends Error {}

/** The file failed after MAX_RETRIES retries. */
export class RetriesExhausted extends Error {}

/** Sends the rest of `file` to the upload at `url`, from `offset` on. Resolves when the server has stored all of it.

    An `offset` of null is fetched first: that ends requests of other pages or devices that are still running, and makes the
    server complete an upload whose bytes are all there.

    `transport` has request, hashPart, connection, chunkSize, stallMs and backoffOptions. `onOffset(bytes)` reports acknowledged bytes,
    `onSent(bytes)` those sent beyond them. Rejects with UploadRejected, UploadGone, RetriesExhausted, Unreadable, or the signal's
    reason. */
export async function sendByTus({ file, url, offset, transport, signal, onOffset, onSent }) {
  const upload = new TusUpload(url, transport, signal);
  let [position, failures] = [offset ?? (await upload.fetchOffset()).offset, 0];
  onOffset?.(position);
  while (position < file.size) {
    await transport.connection.untilOpen(signal);
    const outcome = await upload.sendChunk(file.slice(position, position + transport.chunkSize.bytes), position, onSent);
    const status = KNOWS_OFFSET.has(outcome.kind) ? outcome : await upload.fetchOffset();
    if (status.kind === "finished") break;
    if (status.offset > position) failures = 0;
    else if (countsAsRetry(outcome) && countsAsRetry(status)) failures += 1;
    if (failures > MAX_RETRIES) throw new RetriesExhausted(outcome.message ?? RETRIES_EXHAUSTED);
    position = status.offset;
    onSent?.(0);
    onOffset?.(position);
    if (failures) await sleep(backoff(failures - 1, transport.backoffOptions), signal);
  }
}

/** Whether the outcome uses up a retry: not if the connection was closed meanwhile, or the chunk was only too large. */
export function countsAsRetry(outcome) {
  return outcome.countsAsRetry !== false;
}

class TusUpload {
  #url;
  #transport;
  #signal;

  constructor(url, transport, signal) {
    this.#url = url;
    this.#transport = transport;
    this.#signal = signal;
  }

  /** Sends one chunk, and resolves with the outcome of the request. */
  async sendChunk(chunk, offset, onSent) {
    const { chunkSize, hashPart } = this.#transport;
    const checksum = base64(await hashPart(chunk, { signal: this.#signal }));
    const headers = { ...CHUNK_HEADERS, "Upload-Offset": String(offset), "Upload-Checksum": `sha256 ${checksum}` };
    const startedAt = performance.now();
    const outcome = await this.#request("PATCH", { headers, body: chunk, onSent });
    if (outcome.kind === "unreachable") return this.#shrinkChunks({ ...outcome, message: "The connection keeps dropping." });
    if (outcome.kind === "too-slow") return this.#shrinkChunks(outcome, chunk.size);
    if (outcome.kind === "offset" && outcome.offset === offset + chunk.size) chunkSize.acknowledged(chunk.size, performance.now() - startedAt);
    return this.#handleOutcome(outcome);
  }

  /** Resolves with the upload's "offset" or "finished" outcome, once the server has answered. It does not count as a retry if the
      connection was closed meanwhile. */
  async fetchOffset() {
    let wasClosed = false;
    for (let attempt = 0; ; attempt++) {
      await this.#transport.connection.untilOpen(this.#signal);
      const outcome = this.#handleOutcome(await this.#request("HEAD", { headers: TUS_HEADERS }));
      if (KNOWS_OFFSET.has(outcome.kind)) return { ...outcome, countsAsRetry: !wasClosed };
      if (!countsAsRetry(outcome)) {
        [wasClosed, attempt] = [true, -1];
        continue;
      }
      if (attempt >= MAX_RETRIES) throw new RetriesExhausted(outcome.message ?? RETRIES_EXHAUSTED);
      await sleep(backoff(attempt, this.#transport.backoffOptions), this.#signal);
    }
  }

  /** Throws if the file or the upload is lost, closes the connection if the server cannot be used, and returns the outcome. */
  #handleOutcome(outcome) {
    if (outcome.kind === "rejected") throw new UploadRejected(outcome.message, outcome.code);
    if (outcome.kind === "gone") throw new UploadGone(outcome.message);
    if (!CLOSES_CONNECTION.has(outcome.kind)) return outcome;
    this.#transport.connection.close(outcome);
    return { ...outcome, countsAsRetry: false };
  }

  #shrinkChunks(outcome, size) {
    const { chunkSize } = this.#transport;
    const canShrink = Boolean(outcome.isTooLarge) && !chunkSize.isMinimum;
    if (outcome.isTooLarge) chunkSize.tooLarge(size);
    else chunkSize.shrink();
    return { message: "The connection drops even with small parts.", ...outcome, countsAsRetry: !canShrink };
  }

  async #request(method, options) {
    const { request, stallMs } = this.#transport;
    try {
      return interpret(await request(method, this.#url, { ...options, stallMs, signal: this.#signal }));
    } catch (error) {
      if (error instanceof Stalled) return { kind: method === "HEAD" ? "unreachable" : "too-slow" };
      throw error;
    }
  }
}
