import assert from "node:assert/strict";
import test from "node:test";
import { dataUri } from "../../../static/js/grid/placeholders.js";

const PREFIX = "data:image/webp;base64,";

/** Same as albums/grid/placeholders.py. */
function shorten(file) {
  const frame = file.subarray(20, 20 + file.readUInt32LE(16));
  return Buffer.concat([frame.subarray(0, 3), frame.subarray(6)]).toString("base64").replace(/=+$/, "");
}

function webp(frameBytes) {
  const frame = Buffer.alloc(frameBytes, 7);
  frame.set([0x9d, 0x01, 0x2a], 3);
  const file = Buffer.alloc(20 + frameBytes + (frameBytes % 2));
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WEBPVP8 ", 8, "latin1");
  file.writeUInt32LE(frameBytes, 16);
  frame.copy(file, 20);
  return file;
}

test("a shortened placeholder becomes the file that it was", () => {
  for (const frameBytes of [38, 39, 40, 300]) {
    const file = webp(frameBytes);
    assert.equal(dataUri(shorten(file)), PREFIX + file.toString("base64"));
  }
});

test("a whole file stays as it is", () => {
  assert.equal(dataUri("UklGRg=="), PREFIX + "UklGRg==");
});
