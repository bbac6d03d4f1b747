import assert from "node:assert/strict";
import test from "node:test";
import { Ledger, print, totals } from "../../../../static/js/upload/state/file-store.js";

test("items are numbered in their order, and found by state", () => {
  const ledger = new Ledger();
  const [a, b] = ledger.add([{ name: "a" }, { name: "b", state: "later" }]);
  assert.deepEqual([a.id, b.id], [1, 2]);
  assert.deepEqual(ledger.in("later"), [b]);
  assert.equal(ledger.get(1), a);
});

test("a thousand changes of one item are one thing to show", () => {
  const ledger = new Ledger();
  const [a, b] = ledger.add([{ name: "a" }, { name: "b" }]);
  assert.deepEqual(ledger.takeChanges(), [a, b]);
  for (let offset = 0; offset < 1000; offset++) ledger.set(b, { offset });
  assert.deepEqual(ledger.takeChanges(), [b]);
  assert.deepEqual(ledger.takeChanges(), []);
});

test("what is removed is told once more, and later changes of it are nobody's matter", () => {
  const ledger = new Ledger();
  const [a] = ledger.add([{ name: "a" }]);
  ledger.takeChanges();
  ledger.remove([a]);
  ledger.set(a, { offset: 1 });
  assert.deepEqual(ledger.takeChanges(), [a]);
  assert.ok(a.isRemoved);
  assert.deepEqual(ledger.items, []);
});

test("the totals count what is still to be sent or was, never more than a file's size", () => {
  const ledger = new Ledger();
  ledger.add([
    { state: "received", size: 10, offset: 10 },
    { state: "sending", size: 10, offset: 4, inFlight: 9 },
    { state: "waiting", size: 10, offset: 2 },
    { state: "here", size: 100 },
    { state: "cancelled", size: 100, offset: 50 },
    { state: "later", size: 5 },
  ]);
  const sum = totals(ledger.items);
  assert.deepEqual([sum.files, sum.bytes, sum.sent, sum.toCome, sum.ended], [6, 35, 22, 2, 3]);
  assert.equal(sum.count("here", "later"), 2);
});

test("files of one name in two folders, or of two dates, are two", () => {
  const prints = [
    { path: "a/IMG.JPG", size: 1, modified: 1 },
    { path: "b/IMG.JPG", size: 1, modified: 1 },
    { path: "a/IMG.JPG", size: 1, modified: 2 },
  ].map(print);
  assert.equal(new Set(prints).size, 3);
});
