import assert from "node:assert/strict";
import test from "node:test";
import "./dom.js";
import { largestRequest } from "../../../static/js/elements/limits-meter.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const bounds = { first: 256 * KIB, min: 64 * KIB, max: 64 * MIB };

/** A server that accepts requests of up to `limit` bytes, and logs the sizes. */
function serverWithLimit(limit, { ms = () => 1, status = 413 } = {}) {
  const sizes = [];
  const send = async (size) => {
    sizes.push(size);
    return { passed: size <= limit, status: size <= limit ? 200 : status, ms: ms(size) };
  };
  return { send, sizes };
}

test("without a limit the result is the largest size that is tried", async () => {
  const { send, sizes } = serverWithLimit(Infinity);
  assert.deepEqual(await largestRequest(send, bounds), { bytes: 64 * MIB, status: null });
  assert.equal(sizes.length, 9);
});

test("a limit that equals a step is found exactly, with the status of the rejection", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(MIB).send, bounds), { bytes: MIB, status: 413 });
});

test("a limit between two steps is found within 1/32 of it, and never above", async () => {
  const limit = 5 * MIB + 12345;
  const { bytes } = await largestRequest(serverWithLimit(limit).send, bounds);
  assert.ok(bytes <= limit && bytes >= (limit * 31) / 32, `${bytes}`);
});

test("a closed connection counts as a limit", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(2 * MIB, { status: 0 }).send, bounds), { bytes: 2 * MIB, status: 0 });
});

test("the result is 0 bytes if no request passes", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(1).send, bounds), { bytes: 0, status: 413 });
});

test("larger requests are not sent over a slow connection", async () => {
  const { send, sizes } = serverWithLimit(Infinity, { ms: (size) => size / 100 });
  assert.deepEqual(await largestRequest(send, bounds), { bytes: 2 * MIB, status: null });
  assert.equal(sizes.at(-1), 2 * MIB);
});
