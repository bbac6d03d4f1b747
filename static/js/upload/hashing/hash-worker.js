/* A worker that hashes what it is given, one after the other. {id, blob} asks, {id, cancel: true} takes it back; answers are
   {id, done} in bytes, then {id, digest}, or {id, failed} with the reason. */
import { digest } from "./digest.js";

const TELL_EVERY_MS = 200;

const waiting = new Map();
let current = null;

addEventListener("message", ({ data: { id, blob, cancel } }) => {
  if (cancel) {
    waiting.delete(id);
    if (current?.id === id) current.stop.abort();
    return;
  }
  waiting.set(id, blob);
  if (!current) work();
});

async function work() {
  for (const [id, blob] of waiting) {
    waiting.delete(id);
    current = { id, stop: new AbortController() };
    let told = performance.now();
    const onProgress = (done) => {
      if (performance.now() - told < TELL_EVERY_MS) return;
      told = performance.now();
      postMessage({ id, done });
    };
    try {
      postMessage({ id, digest: await digest(blob, { signal: current.stop.signal, onProgress }) });
    } catch (error) {
      postMessage({ id, failed: error.name });
    }
  }
  current = null;
}
