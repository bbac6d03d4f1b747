/* The SHA-256 of a file or a part of one, read slice by slice: never the whole in memory. */
import { Sha256 } from "./sha256.js";

const SLICE_BYTES = 1 << 20;

/** Resolves with the digest's 32 bytes. Rejects when the file can no longer be read, and with the signal's reason when it is aborted. */
export async function digest(blob, { signal, onProgress } = {}) {
  const hash = new Sha256();
  for (let offset = 0; offset < blob.size; offset += SLICE_BYTES) {
    signal?.throwIfAborted();
    hash.update(new Uint8Array(await blob.slice(offset, offset + SLICE_BYTES).arrayBuffer()));
    onProgress?.(Math.min(offset + SLICE_BYTES, blob.size));
  }
  signal?.throwIfAborted();
  return hash.digest();
}
