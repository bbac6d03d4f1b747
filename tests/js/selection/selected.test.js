import assert from "node:assert/strict";
import test from "node:test";
import { overlap } from "../../../static/js/selection/lasso.js";
import { Selected } from "../../../static/js/selection/selected.js";

const ORDER = ["1", "2", "3", "4", "5", "6"];

test("photos are selected and deselected one by one", () => {
  const selected = new Selected();
  selected.toggle("2");
  selected.toggle("3");
  selected.toggle("2");

  assert.deepEqual(selected.fields(), { all: "", except: "", ids: "3" });
  assert.equal(selected.count(100), 1);
});

test("a range replaces the last one, and keeps what was selected before it", () => {
  const selected = new Selected();
  selected.toggle("6");
  selected.toggle("2");
  selected.extendTo("5", ORDER);
  selected.extendTo("1", ORDER);

  assert.deepEqual(ORDER.filter((id) => selected.has(id)), ["1", "2", "6"]);
});

test("a range begins at the photo itself if its anchor is not loaded", () => {
  const selected = new Selected();
  selected.extendTo("4", ORDER);
  selected.extendTo("5", ORDER);

  assert.deepEqual(ORDER.filter((id) => selected.has(id)), ["4", "5"]);
});

test("all photos are selected without their ids, except for some", () => {
  const selected = new Selected();
  selected.toggle("3");
  selected.selectAll();
  selected.toggle("2");
  selected.toggle("5");
  selected.toggle("5");

  assert.deepEqual(selected.fields(), { all: "1", except: "2", ids: "" });
  assert.deepEqual([selected.count(100_000), selected.has("99999"), selected.has("2")], [99_999, true, false]);
});

test("a snapshot restores the selection", () => {
  const selected = new Selected();
  selected.toggle("1");
  const restore = selected.snapshot();
  selected.set(["2", "3"], true);
  restore();

  assert.deepEqual(selected.fields().ids, "1");
});

test("ending the selection deselects all photos", () => {
  const selected = new Selected();
  selected.selectAll();
  selected.clear();

  assert.equal(selected.count(100), 0);
});

test("rectangles that touch do not overlap", () => {
  const at = (left, top) => ({ left, top, right: left + 10, bottom: top + 10 });

  assert.equal(overlap(at(0, 0), at(9, 9)), true);
  assert.equal(overlap(at(0, 0), at(10, 0)), false);
});
