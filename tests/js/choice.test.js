import assert from "node:assert/strict";
import test from "node:test";
import { add, sort, total } from "../../static/js/choice.js";

const file = (name, size = 10, lastModified = 1) => ({ name, size, lastModified });

test("a file chosen twice is there once", () => {
  const first = file("a.jpg");
  assert.deepEqual(add([first], [file("a.jpg"), file("b.jpg"), file("b.jpg")]), [first, file("b.jpg")]);
});

test("files of one name but other bytes or another date are all there", () => {
  const files = [file("a.jpg", 10, 1), file("a.jpg", 11, 1), file("a.jpg", 10, 2)];
  assert.deepEqual(add([], files), files);
});

test("what exceeds the batch waits, in order", () => {
  const files = [file("a"), file("b"), file("c")];
  const { ready, later } = sort(files, { maxFiles: 2, maxBytes: 100 });
  assert.deepEqual([ready, later], [[files[0], files[1]], [files[2]]]);
});

test("what is too large takes no place in the batch", () => {
  const files = [file("huge", 101), file("a"), file("b")];
  assert.deepEqual(sort(files, { maxFiles: 2, maxBytes: 100 }), {
    ready: [files[1], files[2]],
    later: [],
    tooLarge: [files[0]],
  });
});

test("the total is the sum of the sizes", () => {
  assert.equal(total([file("a", 3), file("b", 4)]), 7);
});
