import assert from "node:assert/strict";
import test from "node:test";
import { nearestInNextRow } from "../../../static/js/grid/focus-keys.js";

/** A tile at that place; rows differ in `top`. */
function tile(top, left, width) {
  return { getBoundingClientRect: () => ({ top, left, width }) };
}

const row = [tile(0, 0, 100), tile(0, 100, 200)];
const next = [tile(100, 0, 150), tile(100, 150, 60), tile(100, 210, 90)];

test("the nearest tile of the next row is found", () => {
  assert.equal(nearestInNextRow(row[0], [row[1], ...next]), next[0]);
  assert.equal(nearestInNextRow(row[1], next), next[1]);
  assert.equal(nearestInNextRow(next[2], [next[1], next[0], row[1], row[0]]), row[1]);
});

test("rows behind the next one are not looked at", () => {
  assert.equal(nearestInNextRow(row[1], [next[0], tile(200, 180, 40)]), next[0]);
});

test("there is no tile behind the last row", () => {
  assert.equal(nearestInNextRow(next[0], next.slice(1)), undefined);
});
