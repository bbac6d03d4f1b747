import assert from "node:assert/strict";
import test from "node:test";
import { ChunkSize, MIN_BYTES, MAX_BYTES } from "../../../../static/js/upload/transport/chunk-size.js";

const MiB = 1 << 20;

test("the chunk size starts at eight megabytes", () => {
  assert.equal(new ChunkSize().bytes, 8 * MiB);
});

test("a smaller size that the server advises is a maximum, the default size only a start", () => {
  const [small, usual] = [new ChunkSize(), new ChunkSize()];
  small.advise(MiB);
  usual.advise(8 * MiB);
  for (const chunks of [small, usual]) for (let times = 0; times < 9; times++) chunks.acknowledged(chunks.bytes, 1);
  assert.deepEqual([small.bytes, usual.bytes], [MiB, MAX_BYTES]);
});

test("a fast chunk doubles the size, up to the maximum", () => {
  const chunks = new ChunkSize(8 * MiB);
  for (const expected of [16, 32, 64, 64]) {
    chunks.acknowledged(chunks.bytes, 1000);
    assert.equal(chunks.bytes, expected * MiB);
  }
  assert.equal(MAX_BYTES, 64 * MiB);
});

test("a last chunk that is shorter than the size does not change it", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.acknowledged(MiB, 10);
  assert.equal(chunks.bytes, 8 * MiB);
});

test("a chunk of medium speed does not change the size, and a slow one halves it", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.acknowledged(8 * MiB, 8000);
  assert.equal(chunks.bytes, 8 * MiB);
  chunks.acknowledged(8 * MiB, 20_000);
  assert.equal(chunks.bytes, 4 * MiB);
});

test("the size is never below the minimum", () => {
  const chunks = new ChunkSize(MiB);
  for (let times = 0; times < 9; times++) chunks.shrink();
  assert.equal(chunks.bytes, MIN_BYTES);
  assert.ok(chunks.isMinimum);
});

test("a size that a proxy rejected is never tried again", () => {
  const chunks = new ChunkSize(8 * MiB);
  chunks.tooLarge(8 * MiB);
  for (let times = 0; times < 9; times++) chunks.acknowledged(chunks.bytes, 1);
  assert.equal(chunks.bytes, 4 * MiB);
});
