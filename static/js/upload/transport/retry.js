/* How long to wait before a retry. */

const BASE_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
const MAX_RETRY_AFTER_MS = 300_000;

/** The milliseconds before the next attempt: exponential backoff with full jitter, anything up to base · 2ⁿ, so that clients that were cut
    off together do not return together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function backoff(attempt, { base = BASE_MS, longest = MAX_BACKOFF_MS, random = Math.random } = {}) {
  return random() * Math.min(longest, base * 2 ** attempt);
}

/** The milliseconds that a Retry-After header (seconds or a date) asks for, at most five minutes; null when there is none. */
export function retryAfter(header, now = Date.now()) {
  if (!header) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** Resolves after `ms`. Rejects with the signal's reason when it is aborted. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
