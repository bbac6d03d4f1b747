import assert from "node:assert/strict";
import test from "node:test";
import { boundedView, FIT, scaledView } from "../../../static/js/viewer/zoom.js";

const stage = { width: 1000, height: 800 };
const picture = { width: 900, height: 600 };

test("the point under the pointer stays where it is", () => {
  const pointer = { x: 100, y: -50 };
  const zoomed = scaledView(FIT, 2, pointer);
  assert.deepEqual(zoomed, { scale: 2, x: -100, y: 50 });
  assert.deepEqual(scaledView(zoomed, 1, pointer), { scale: 1, x: 0, y: 0 });
});

test("a picture that fits stays in the centre", () => {
  assert.deepEqual(boundedView({ scale: 1, x: 40, y: -30 }, picture, stage), FIT);
});

test("a zoomed picture moves until its side meets the side of the stage", () => {
  assert.deepEqual(boundedView({ scale: 2, x: 9999, y: -9999 }, picture, stage), { scale: 2, x: 400, y: -200 });
  assert.deepEqual(boundedView({ scale: 2, x: 10, y: 20 }, picture, stage), { scale: 2, x: 10, y: 20 });
});
