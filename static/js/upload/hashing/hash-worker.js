/* A web worker that hashes files one after the other. Requests: {id, blob}, or {id, cancel: true}. Replies: {id, hashedBytes} as progress,
   then {id, digest}, or {id, error} with the error's name. */
import { digest } from "./digest.js";

const PROGRESS_EVERY_MS = 200;

const waiting = new Map();
let current = null;

addEventListener("message", ({ data: { id, blob, cancel } }) => {
  if (cancel) {
    waiting.delete(id);
    if (current?.id === id) current.stop.abort();
    return;
  }
  waiting.set(id, blob);
  if (!current) hashWaiting();
});

async function hashWaiting() {
  for (const [id, blob] of waiting) {
    waiting.delete(id);
    current = { id, stop: new AbortController() };
    let reportedAt = performance.now();
    const onProgress = (hashedBytes) => {
      if (performance.now() - reportedAt < PROGRESS_EVERY_MS) return;
      reportedAt = performance.now();
      postMessage({ id, hashedBytes });
    };
    try {
      postMessage({ id, digest: await digest(blob, { signal: current.stop.signal, onProgress }) });
    } catch (error) {
      postMessage({ id, error: error.name });
    }
  }
  current = null;
}
