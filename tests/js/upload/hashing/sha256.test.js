import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import test from "node:test";
import { base64, hex, Sha256 } from "../../../../static/js/upload/hashing/sha256.js";

const expected = (bytes, form = "hex") => createHash("sha256").update(bytes).digest(form);

test("every length around the blocks is hashed as node:crypto does", () => {
  for (let length = 0; length <= 260; length++) {
    const bytes = randomBytes(length);
    assert.equal(hex(new Sha256().update(bytes).digest()), expected(bytes), `${length} bytes`);
  }
});

test("it does not matter in which pieces the bytes come", () => {
  const bytes = randomBytes(1_000_003);
  for (const step of [1000, 63, 64, 65, 4096, 1 << 20]) {
    const hash = new Sha256();
    for (let at = 0; at < bytes.length; at += step) hash.update(bytes.subarray(at, at + step));
    assert.equal(hex(hash.digest()), expected(bytes), `in pieces of ${step}`);
  }
});

test("the length counts beyond what 32 bits of bits hold", () => {
  const [piece, hash, reference] = [new Uint8Array(32 << 20), new Sha256(), createHash("sha256")];
  for (let times = 0; times < 17; times++) {
    hash.update(piece);
    reference.update(piece);
  }
  assert.equal(hex(hash.digest()), reference.digest("hex"));
});

test("base64 is as tus has it in Upload-Checksum", () => {
  const bytes = Buffer.from("a photo");
  assert.equal(base64(new Sha256().update(bytes).digest()), expected(bytes, "base64"));
});
