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

test("without a limit the largest that is tried has passed", async () => {
  const { send, sizes } = serverWithLimit(Infinity);
  assert.deepEqual(await largestRequest(send, bounds), { bytes: 64 * MIB, status: null });
  assert.equal(sizes.length, 9);
});

test("a limit is found exactly where it falls on a step, with the status that was met", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(MIB).send, bounds), { bytes: MIB, status: 413 });
});

test("a limit between two steps is found to within a thirty-second of it, never above", async () => {
  const limit = 5 * MIB + 12345;
  const { bytes } = await largestRequest(serverWithLimit(limit).send, bounds);
  assert.ok(bytes <= limit && bytes >= (limit * 31) / 32, `${bytes}`);
});

test("a connection that is ended is a limit too", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(2 * MIB, { status: 0 }).send, bounds), { bytes: 2 * MIB, status: 0 });
});

test("when nothing passes nothing is claimed", async () => {
  assert.deepEqual(await largestRequest(serverWithLimit(1).send, bounds), { bytes: 0, status: 413 });
});

test("a slow line is spared the larger ones", async () => {
  const { send, sizes } = serverWithLimit(Infinity, { ms: (size) => size / 100 });
  assert.deepEqual(await largestRequest(send, bounds), { bytes: 2 * MIB, status: null });
  assert.equal(sizes.at(-1), 2 * MIB);
});
