import assert from "node:assert/strict";
import test from "node:test";
import { bytes, duration, fileExtension, plural, splitName, timeLeft } from "../../static/js/format.js";

test("bytes are formatted in units of 1024, and as integers below one kilobyte", () => {
  assert.deepEqual([0, 1, 1023, 1024, 1536, 5 << 20, 3 * 2 ** 30].map(bytes), [
    "0 bytes",
    "1 byte",
    "1023 bytes",
    "1.0 KB",
    "1.5 KB",
    "5.0 MB",
    "3.0 GB",
  ]);
});

test("a duration is formatted in the largest unit that it contains at least one and a half times", () => {
  assert.deepEqual([0.2, 12, 80, 100, 5000, 7200].map(duration), [
    "1 second",
    "12 seconds",
    "80 seconds",
    "2 minutes",
    "83 minutes",
    "2 hours",
  ]);
});

test("a count of one is singular", () => {
  assert.deepEqual([plural(1, "photo"), plural(0, "photo"), plural(2, "photo")], ["1 photo", "0 photos", "2 photos"]);
});

test("the end of a long name is split off, a short name is not split", () => {
  assert.deepEqual(splitName("IMG_0001.JPG"), ["IMG_0001.JPG", ""]);
  assert.deepEqual(splitName("birthday_in_the_garden_0042.jpeg"), ["birthday_in_the_gard", "en_0042.jpeg"]);
});

test("a name is never split inside a character", () => {
  assert.equal(splitName("🐈".repeat(30))[1], "🐈".repeat(12));
});

test("a file extension follows the last dot and has no space", () => {
  assert.deepEqual(["a.JPG", "a.tar.gz", "none", ".hidden", "a.sentence with words"].map(fileExtension), ["JPG", "gz", "", "", ""]);
});

test("the remaining time is formatted with the precision of the estimate", () => {
  const texts = [1, 10, 44, 45, 87, 90, 300, 3600, 7200].map(timeLeft);
  assert.deepEqual(texts, [
    "a few seconds left",
    "less than a minute left",
    "less than a minute left",
    "about a minute left",
    "about a minute left",
    "about 2 minutes left",
    "about 5 minutes left",
    "about 60 minutes left",
    "about 2 hours left",
  ]);
});
