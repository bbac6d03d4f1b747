/* How long to wait before trying again. */

const BASE_MS = 1000;
const LONGEST_MS = 30_000;
const LONGEST_ASKED_MS = 300_000;

/** Exponential backoff with full jitter: anything up to base · 2ⁿ, so that many who were cut off together do not return together.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function backoff(attempt, { base = BASE_MS, longest = LONGEST_MS, random = Math.random } = {}) {
  return random() * Math.min(longest, base * 2 ** attempt);
}

/** What Retry-After asks for, in milliseconds: seconds or a date. null when it says nothing. */
export function retryAfter(header, now = Date.now()) {
  if (!header) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_ASKED_MS);
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(ms, signal) {
  return new Promise((done, failed) => {
    if (signal?.aborted) return failed(signal.reason);
    const wake = () => {
      clearTimeout(timer);
      failed(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", wake);
      done();
    }, ms);
    signal?.addEventListener("abort", wake, { once: true });
  });
}
