import assert from "node:assert/strict";
import test from "node:test";
import { matchFiles } from "../../../../static/js/upload/state/match-files.js";

const file = (name, { size = 10, modified = 1, path = name } = {}) => ({ name, size, modified, path });

test("a file is matched by name, size and date", () => {
  const [a, b] = [file("a.jpg"), file("b.jpg")];
  const { pairs, doubtful, others } = matchFiles([a, b], [file("b.jpg"), file("c.jpg"), file("a.jpg", { size: 11 })]);
  assert.deepEqual(pairs, [[b, file("b.jpg")]]);
  assert.deepEqual(doubtful, []);
  assert.deepEqual(others, [file("c.jpg"), file("a.jpg", { size: 11 })]);
});

test("a file with another date is only matched by its checksum", () => {
  const a = file("a.jpg");
  const copied = file("a.jpg", { modified: 2 });
  assert.deepEqual(matchFiles([a], [copied]), { pairs: [], doubtful: [[a, copied]], others: [] });
});

test("a file with an unknown date is matched by name and size", () => {
  const a = file("a.jpg", { modified: null });
  assert.equal(matchFiles([a], [file("a.jpg")]).pairs.length, 1);
});

test("the date decides between files of the same name and size, then the folder", () => {
  const monday = file("1.jpg", { path: "mon/1.jpg" });
  const tuesday = file("1.jpg", { path: "tue/1.jpg" });
  const later = file("1.jpg", { path: "mon/1.jpg", modified: 9 });
  const matches = matchFiles([monday, tuesday, later], [
    file("1.jpg", { path: "tue/1.jpg" }),
    file("1.jpg", { path: "mon/1.jpg", modified: 9 }),
    file("1.jpg", { path: "mon/1.jpg" }),
  ]);
  assert.deepEqual(matches.pairs.map(([item]) => item), [tuesday, later, monday]);
});

test("each expected file is matched once", () => {
  const { pairs, others } = matchFiles([file("a.jpg")], [file("a.jpg"), file("a.jpg")]);
  assert.deepEqual([pairs.length, others.length], [1, 1]);
});
