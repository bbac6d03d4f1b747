/* The largest size that passes, found by trying growing ones. Pure: `send` does the sending. The server's own way (processing/doctor/request_size.py) is
   the same. */

const SLOW_MS = 15000;
const GRAIN = 32;

/** `send(size)` resolves to {passed, status, ms}. Answers {bytes, refusal}: the status that the next larger met, null if none was met. */
export async function largest(send, { first, least, most }) {
  let passed = 0;
  for (let size = first; size <= most; size *= 2) {
    const answer = await send(size);
    if (!answer.passed) return between(send, passed, size, answer.status, least);
    passed = size;
    if (answer.ms > SLOW_MS) break;
  }
  return { bytes: passed, refusal: null };
}

async function between(send, low, high, refusal, least) {
  while (high - low > Math.max(least, low / GRAIN)) {
    const size = Math.floor((low + high) / 2 / least) * least;
    if (size <= low || size >= high) break;
    const answer = await send(size);
    if (answer.passed) low = size;
    else [high, refusal] = [size, answer.status];
  }
  return { bytes: low, refusal };
}
