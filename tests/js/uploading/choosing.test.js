import assert from "node:assert/strict";
import test from "node:test";
import { sift } from "../../../static/js/uploading/choosing.js";
import { byFolder, folderOf, titleOf } from "../../../static/js/uploading/folders.js";

const found = (...paths) => paths.map((path) => ({ path }));
const kept = (...paths) => sift(found(...paths)).kept.map(({ path }) => path);

test("what nobody means to send is left out of folders, and counted", () => {
  const { kept, left } = sift(found("a/IMG.JPG", "a/.DS_Store", "a/Thumbs.db", "__MACOSX/a/IMG.JPG", "a/MVI.MOV", ".hidden/IMG.JPG"));
  assert.deepEqual(kept, found("a/IMG.JPG"));
  assert.equal(left, 5);
});

test("what was chosen by itself is meant, whatever it is", () => {
  assert.deepEqual(kept("notes.txt", "photo", "IMG.HEIC"), ["notes.txt", "photo", "IMG.HEIC"]);
});

test("the files of folders are put in the order of their names, others stay as they were", () => {
  assert.deepEqual(kept("z.jpg", "b/10.jpg", "b/9.jpg", "a/2.jpg", "a.jpg"), ["z.jpg", "a.jpg", "a/2.jpg", "b/9.jpg", "b/10.jpg"]);
});

test("files are grouped by the folder that they lie in", () => {
  const items = found("x.jpg", "card/mon/1.jpg", "card/tue/1.jpg", "card/mon/2.jpg");
  assert.deepEqual([...byFolder(items)], [
    ["", [items[0]]],
    ["card/mon", [items[1], items[3]]],
    ["card/tue", [items[2]]],
  ]);
  assert.equal(folderOf(items[1]), "card/mon");
});

test("an album is called as the folder is, within what a title can hold", () => {
  assert.equal(titleOf("DCIM/Summer in the Alps"), "Summer in the Alps");
  assert.equal(titleOf("x".repeat(300)).length, 200);
  assert.equal(titleOf(" "), "Untitled");
  assert.equal(titleOf("Cafe\u0301"), "Caf\u00e9");
  assert.equal(titleOf("x".repeat(198) + "👨‍👩‍👧"), "x".repeat(198));
  assert.equal(titleOf("🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم \u{1fae9}"), "🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم \u{1fae9}");
});
