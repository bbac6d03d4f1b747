import assert from "node:assert/strict";
import test from "node:test";
import { swipeDirection } from "../../../static/js/viewer/gestures.js";

test("a long drag is a swipe in its main direction", () => {
  assert.deepEqual([swipeDirection(-80, 20), swipeDirection(80, -20), swipeDirection(30, 90)], ["left", "right", "down"]);
});

test("a short drag, and one upwards, are not", () => {
  assert.deepEqual([swipeDirection(-40, 0), swipeDirection(10, 40), swipeDirection(0, -90)], ["", "", ""]);
});
