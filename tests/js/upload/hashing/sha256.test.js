import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import test from "node:test";
import { base64, hex, Sha256 } from "../../../../static/js/upload/hashing/sha256.js";

const expected = (bytes, form = "hex") => createHash("sha256").update(bytes).digest(form);

test("the hash equals that of node:crypto for all lengths around the block size", () => {
  for (let length = 0; length <= 260; length++) {
    const bytes = randomBytes(length);
    assert.equal(hex(new Sha256().update(bytes).digest()), expected(bytes), `${length} bytes`);
  }
});

test("the hash does not depend on the size of the chunks", () => {
  const bytes = randomBytes(1_000_003);
  for (const step of [1000, 63, 64, 65, 4096, 1 << 20]) {
    const hash = new Sha256();
    for (let at = 0; at < bytes.length; at += step) hash.update(bytes.subarray(at, at + step));
    assert.equal(hex(hash.digest()), expected(bytes), `in chunks of ${step}`);
  }
});

test("the hash is right for more than 2^32 bits", () => {
  const [chunk, hash, reference] = [new Uint8Array(32 << 20), new Sha256(), createHash("sha256")];
  for (let times = 0; times < 17; times++) {
    hash.update(chunk);
    reference.update(chunk);
  }
  assert.equal(hex(hash.digest()), reference.digest("hex"));
});

test("base64 is encoded as in the header Upload-Checksum of tus", () => {
  const bytes = Buffer.from("a photo");
  assert.equal(base64(new Sha256().update(bytes).digest()), expected(bytes, "base64"));
});
