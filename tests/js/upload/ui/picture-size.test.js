/* The beginnings of files that Pillow wrote, of 60 × 40 pixels. */
import assert from "node:assert/strict";
import test from "node:test";
import { aspectRatio, pictureSize, shapeClasses } from "../../../../static/js/upload/ui/picture-size.js";

const TABLES =
  "/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3KSwwMTQ0NB8nOT04MjwuMzQy/9sAQwEJCQkMCwwYDQ0YMiEcITIyMjIyMjIyMjIyMjIyMjIy" +
  "MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIy/8AAEQgAKAA8AwEi";
const START = "/9g=";
const TURNED = "/+EAIkV4aWYAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA"; // APP1 with orientation 6
const FILES = {
  PNG: "iVBORw0KGgoAAAANSUhEUgAAADwAAAAoCAIAAAAt2Q4=",
  "lossy WebP": "UklGRjgAAABXRUJQVlA4ICwAAABQAwCdASo8ACgAPm02mEkkIyKhIg==",
  "lossless WebP": "UklGRiAAAABXRUJQVlA4TBQAAAAvO8AJAAcQEf0P",
  "extended WebP": "UklGRlQAAABXRUJQVlA4WAoAAAAIAAAAOwAAJwAAVlA4TBQAAAAvOw==",
  GIF: "R0lGODdhPAAoAIEAAAAAAAAAAAA=",
  BMP: "Qk1WHAAAAAAAADYAAAAoAAAAPAAAACgAAAABABgA",
  AVIF:
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQA" +
    "AAEAAQAAAAEAAAETAAAAJgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAPAAAACgAAAAQcGl4aQAAAAAD",
};
const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const jpeg = (...parts) => new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? bytes(part) : part))));

test("the size of a picture is read from the beginning of its file", () => {
  for (const [format, base64] of Object.entries(FILES)) {
    assert.deepEqual(pictureSize(new DataView(bytes(base64).buffer)), { width: 60, height: 40 }, format);
  }
});

test("a JPEG is upright as its EXIF orientation says", () => {
  const upright = jpeg(START, TABLES);
  const turned = jpeg(START, TURNED, TABLES);
  assert.deepEqual(pictureSize(new DataView(upright.buffer)), { width: 60, height: 40 });
  assert.deepEqual(pictureSize(new DataView(turned.buffer)), { width: 40, height: 60 });
});

test("a JPEG with a large preview before its frame is read further", async () => {
  const preview = new Uint8Array(65_000);
  const segment = jpeg(new Uint8Array([0xff, 0xe2, (preview.length + 2) >> 8, (preview.length + 2) & 0xff]), preview);
  const file = new Blob([bytes(START), segment, segment, bytes(TABLES)]);
  assert.equal(await aspectRatio(file), 1.5);
});

test("a damaged file and one of another format have no ratio", async () => {
  for (const content of ["", "/9j/", "AAAA", FILES.PNG.slice(0, 16), Buffer.from("II*\0 a camera's RAW file").toString("base64")]) {
    assert.equal(await aspectRatio(new Blob([bytes(content)])), null, content);
  }
});

test("a tile has the classes of its ratio", () => {
  assert.deepEqual(shapeClasses(1.5), ["h1", "t5"]);
  assert.deepEqual(shapeClasses(2 / 3), ["t6", "u7"]);
  assert.deepEqual(shapeClasses(0.001), ["t3"]);
  assert.deepEqual(shapeClasses(40), ["h9", "t9", "u9"]);
  assert.deepEqual(shapeClasses(null), ["h1", "t5"]);
});
