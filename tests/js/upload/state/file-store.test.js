import assert from "node:assert/strict";
import test from "node:test";
import { FileStore, fingerprint, totals } from "../../../../static/js/upload/state/file-store.js";

test("items are numbered in order, and found by state", () => {
  const fileStore = new FileStore();
  const [a, b] = fileStore.add([{ name: "a" }, { name: "b", state: "later" }]);
  assert.deepEqual([a.id, b.id], [1, 2]);
  assert.deepEqual(fileStore.in("later"), [b]);
  assert.equal(fileStore.get(1), a);
});

test("a thousand changes of one item are returned as one", () => {
  const fileStore = new FileStore();
  const [a, b] = fileStore.add([{ name: "a" }, { name: "b" }]);
  assert.deepEqual(fileStore.takeChanges(), [a, b]);
  for (let offset = 0; offset < 1000; offset++) fileStore.set(b, { offset });
  assert.deepEqual(fileStore.takeChanges(), [b]);
  assert.deepEqual(fileStore.takeChanges(), []);
});

test("a removed item is returned once more, and later changes of it are ignored", () => {
  const fileStore = new FileStore();
  const [a] = fileStore.add([{ name: "a" }]);
  fileStore.takeChanges();
  fileStore.remove([a]);
  fileStore.set(a, { offset: 1 });
  assert.deepEqual(fileStore.takeChanges(), [a]);
  assert.ok(a.isRemoved);
  assert.deepEqual(fileStore.items, []);
});

test("the totals count bytes sent and bytes to be sent, never more than a file's size", () => {
  const fileStore = new FileStore();
  fileStore.add([
    { state: "received", size: 10, offset: 10 },
    { state: "sending", size: 10, offset: 4, inFlight: 9 },
    { state: "waiting", size: 10, offset: 2 },
    { state: "here", size: 100 },
    { state: "cancelled", size: 100, offset: 50 },
    { state: "later", size: 5 },
  ]);
  const sum = totals(fileStore.items);
  assert.deepEqual([sum.files, sum.bytes, sum.sent, sum.inProgress, sum.ended], [6, 35, 22, 2, 3]);
  assert.equal(sum.count("here", "later"), 2);
});

test("files of the same name in two folders or with two dates have different fingerprints", () => {
  const fingerprints = [
    { path: "a/IMG.JPG", size: 1, modified: 1 },
    { path: "b/IMG.JPG", size: 1, modified: 1 },
    { path: "a/IMG.JPG", size: 1, modified: 2 },
  ].map(fingerprint);
  assert.equal(new Set(fingerprints).size, 3);
});
