import assert from "node:assert/strict";
import test from "node:test";
import { backoff, retryAfter, sleep } from "../../../../static/js/upload/transport/retry.js";

test("the upper bound of the wait doubles with each attempt, up to the maximum", () => {
  const waits = [0, 1, 2, 3, 20].map((attempt) => backoff(attempt, { random: () => 1 }));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 30_000]);
});

test("the jitter is full: a wait may have any length from zero to the upper bound", () => {
  assert.equal(backoff(3, { random: () => 0 }), 0);
  assert.equal(backoff(3, { random: () => 0.5 }), 4000);
});

test("Retry-After is parsed as seconds or as a date, up to a maximum", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfter("30", now), 30_000);
  assert.equal(retryAfter("Thu, 01 Jan 2026 00:00:10 GMT", now), 10_000);
  assert.equal(retryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  assert.equal(retryAfter("99999", now), 300_000);
  assert.equal(retryAfter("soon", now), null);
  assert.equal(retryAfter(null, now), null);
});

test("sleep ends early with the signal's reason", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 5);
  await assert.rejects(sleep(60_000, stop.signal), /enough/);
  await assert.rejects(sleep(60_000, stop.signal), /enough/);
});
