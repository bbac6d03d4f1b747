/* Hashing beside the page: one worker for whole files, one after the other, and one for the parts that are about to be sent, which
   must not wait behind a large file. A browser that starts no such worker hashes here, in slices. */
import { digest } from "./digest.js";

export class Hasher {
  #files = new Bench();
  #parts = new Bench();

  /** The 32 bytes of a whole file's SHA-256. */
  file(blob, options) {
    return this.#files.digest(blob, options);
  }

  part(blob, options) {
    return this.#parts.digest(blob, options);
  }

  end() {
    this.#files.end();
    this.#parts.end();
  }
}

/** A file that was there when it was chosen cannot be read now: the card was pulled, or it was changed. */
export class Unreadable extends Error {}

class Bench {
  #worker;
  #asked = new Map();
  #count = 0;

  async digest(blob, { signal, onProgress } = {}) {
    signal?.throwIfAborted();
    const worker = this.#start();
    if (!worker) return here(blob, { signal, onProgress });
    const id = ++this.#count;
    return new Promise((done, failed) => {
      const cancel = () => {
        worker.postMessage({ id, cancel: true });
        this.#asked.delete(id);
        failed(signal.reason);
      };
      const settle = (act, value) => {
        signal?.removeEventListener("abort", cancel);
        this.#asked.delete(id);
        act(value);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      this.#asked.set(id, {
        onProgress,
        done: (value) => settle(done, value),
        failed: (name) => settle(failed, new Unreadable(name)),
        again: () => settle(done, here(blob, { signal, onProgress })),
      });
      worker.postMessage({ id, blob });
    });
  }

  end() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #start() {
    if (this.#worker !== undefined) return this.#worker;
    try {
      this.#worker = new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
      this.#worker.addEventListener("message", this.#hear);
      this.#worker.addEventListener("error", this.#giveUp);
    } catch {
      this.#worker = null;
    }
    return this.#worker;
  }

  #hear = ({ data: { id, done, digest: bytes, failed } }) => {
    const asked = this.#asked.get(id);
    if (!asked) return;
    if (done !== undefined) asked.onProgress?.(done);
    else if (bytes) asked.done(bytes);
    else asked.failed(failed);
  };

  /** No module workers here: what was asked of it is done on the page. */
  #giveUp = () => {
    this.#worker = null;
    for (const asked of [...this.#asked.values()]) asked.again();
  };
}

async function here(blob, options) {
  try {
    return await digest(blob, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreadable(error.name);
  }
}
