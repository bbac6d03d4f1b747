/* Two web workers that hash: one for whole files, one after the other, and one for the chunks about to be sent, which must not wait
   behind a large file. In a browser without module workers the page hashes, slice by slice. */
import { digest } from "./digest.js";

export class HashPool {
  #files = new HashWorker();
  #parts = new HashWorker();

  /** Resolves with the 32 bytes of a whole file's SHA-256. Rejects with Unreadable, or the signal's reason. */
  hashFile(blob, options) {
    return this.#files.digest(blob, options);
  }

  /** As hashFile(), but not queued behind whole files. */
  hashPart(blob, options) {
    return this.#parts.digest(blob, options);
  }

  terminate() {
    this.#files.terminate();
    this.#parts.terminate();
  }
}

/** The file was readable when it was chosen, and is not any more: its card was removed, or it was changed. */
export class Unreadable extends Error {}

class HashWorker {
  #worker;
  #requests = new Map();
  #lastId = 0;

  async digest(blob, { signal, onProgress } = {}) {
    signal?.throwIfAborted();
    const worker = this.#start();
    if (!worker) return digestOnPage(blob, { signal, onProgress });
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        worker.postMessage({ id, cancel: true });
        this.#requests.delete(id);
        reject(signal.reason);
      };
      const finish = (settle, value) => {
        signal?.removeEventListener("abort", cancel);
        this.#requests.delete(id);
        settle(value);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      this.#requests.set(id, {
        onProgress,
        resolve: (bytes) => finish(resolve, bytes),
        reject: (errorName) => finish(reject, new Unreadable(errorName)),
        hashOnPage: () => finish(resolve, digestOnPage(blob, { signal, onProgress })),
      });
      worker.postMessage({ id, blob });
    });
  }

  terminate() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #start() {
    if (this.#worker !== undefined) return this.#worker;
    try {
      this.#worker = new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
      this.#worker.addEventListener("message", this.#onMessage);
      this.#worker.addEventListener("error", this.#onError);
    } catch {
      this.#worker = null;
    }
    return this.#worker;
  }

  #onMessage = ({ data: { id, hashedBytes, digest: bytes, error } }) => {
    const request = this.#requests.get(id);
    if (!request) return;
    if (hashedBytes !== undefined) request.onProgress?.(hashedBytes);
    else if (bytes) request.resolve(bytes);
    else request.reject(error);
  };

  /** This browser has no module workers: the page takes over what was requested of the worker. */
  #onError = () => {
    this.#worker = null;
    for (const request of [...this.#requests.values()]) request.hashOnPage();
  };
}

async function digestOnPage(blob, options) {
  try {
    return await digest(blob, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreadable(error.name);
  }
}
