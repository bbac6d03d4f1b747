/* The SHA-256 of a file or a part of one, read a slice at a time: never the whole of it in memory. */
import { Sha256 } from "./sha256.js";

const SLICE = 1 << 20;

/** The digest's 32 bytes. Rejects when the file cannot be read any more, and with the signal's reason when it is aborted. */
export async function digest(blob, { signal, onProgress } = {}) {
  const hash = new Sha256();
  for (let at = 0; at < blob.size; at += SLICE) {
    signal?.throwIfAborted();
    hash.update(new Uint8Array(await blob.slice(at, at + SLICE).arrayBuffer()));
    onProgress?.(Math.min(at + SLICE, blob.size));
  }
  signal?.throwIfAborted();
  return hash.digest();
}
