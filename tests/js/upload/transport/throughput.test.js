import assert from "node:assert/strict";
import test from "node:test";
import { Pace } from "../../../../static/js/upload/transport/throughput.js";

function paced(...marks) {
  const pace = new Pace();
  marks.forEach(([now, sent]) => pace.mark(now, sent));
  return pace;
}

test("nothing is told before enough time has passed", () => {
  assert.equal(paced().rate, null);
  assert.equal(paced([0, 0], [300, 5000]).rate, null);
  assert.equal(paced([0, 0], [300, 5000]).left(9000), null);
});

test("the rate is in bytes a second, and what is left follows from it", () => {
  const pace = paced([0, 0], [1000, 2000]);
  assert.deepEqual([pace.rate, pace.left(10000)], [2000, null], "a second is too short to guess the rest");
  pace.mark(5000, 10000);
  assert.deepEqual([pace.rate, pace.left(20000)], [2000, 5]);
});

test("a network that got slower is believed after a few seconds", () => {
  assert.equal(paced([0, 0], [1000, 100000], [7000, 101000], [13000, 102000]).rate, 1000 / 6);
});

test("a stalled upload has no time left to tell", () => {
  assert.equal(paced([0, 500], [9000, 500]).left(1000), null);
});
