import assert from "node:assert/strict";
import test from "node:test";
import { ChunkSize, MIN_BYTES, MAX_BYTES } from "../../../../static/js/upload/transport/chunk-size.js";

const MiB = 1 << 20;

test("it starts with eight megabytes", () => {
  assert.equal(new ChunkSize().bytes, 8 * MiB);
});

test("less that the server advises is never exceeded, as much as usual is only a start", () => {
  const [small, usual] = [new ChunkSize(), new ChunkSize()];
  small.advise(MiB);
  usual.advise(8 * MiB);
  for (const chunks of [small, usual]) for (let times = 0; times < 9; times++) chunks.acknowledged(chunks.bytes, 1);
  assert.deepEqual([small.bytes, usual.bytes], [MiB, MAX_BYTES]);
});

test("a fast part doubles it, up to the most", () => {
  const chunks = new ChunkSize(8 * MiB);
  for (const expected of [16, 32, 64, 64]) {
    chunks.acknowledged(chunks.bytes, 1000);
    assert.equal(chunks.bytes, expected * MiB);
  }
  assert.equal(MAX_BYTES, 64 * MiB);
});

test("a fast last part, shorter than asked for, proves nothing", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.acknowledged(MiB, 10);
  assert.equal(chunks.bytes, 8 * MiB);
});

test("a part that took neither long nor little leaves it as it is, and a slow one halves it", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.acknowledged(8 * MiB, 8000);
  assert.equal(chunks.bytes, 8 * MiB);
  chunks.acknowledged(8 * MiB, 20_000);
  assert.equal(chunks.bytes, 4 * MiB);
});

test("it is never less than the least", () => {
  const chunks = new ChunkSize(MiB);
  for (let times = 0; times < 9; times++) chunks.shrink();
  assert.equal(chunks.bytes, MIN_BYTES);
  assert.ok(chunks.isMinimum);
});

test("what was too large for something in between is never tried again", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.tooLarge(8 * MiB);
  for (let times = 0; times < 9; times++) chunks.acknowledged(chunks.bytes, 1);
  assert.equal(chunks.bytes, 4 * MiB);
});
