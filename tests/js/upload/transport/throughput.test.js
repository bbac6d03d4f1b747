import assert from "node:assert/strict";
import test from "node:test";
import { Throughput } from "../../../../static/js/upload/transport/throughput.js";

function measured(...samples) {
  const throughput = new Throughput();
  samples.forEach(([now, sent]) => throughput.record(now, sent));
  return throughput;
}

test("no rate is returned before enough time has passed", () => {
  assert.equal(measured().rate, null);
  assert.equal(measured([0, 0], [300, 5000]).rate, null);
  assert.equal(measured([0, 0], [300, 5000]).secondsLeft(9000), null);
});

test("the rate is in bytes per second, and determines the remaining time", () => {
  const throughput = measured([0, 0], [1000, 2000]);
  assert.deepEqual([throughput.rate, throughput.secondsLeft(10000)], [2000, null], "a second is too short to guess the rest");
  throughput.record(5000, 10000);
  assert.deepEqual([throughput.rate, throughput.secondsLeft(20000)], [2000, 5]);
});

test("the rate follows a slower network after a few seconds", () => {
  assert.equal(measured([0, 0], [1000, 100000], [7000, 101000], [13000, 102000]).rate, 1000 / 6);
});

test("the remaining time of a stalled upload is unknown", () => {
  assert.equal(measured([0, 500], [9000, 500]).secondsLeft(1000), null);
});

test("the rate starts again when files have left the list", () => {
  const throughput = new Throughput();
  for (const [now, sent] of [[0, 0], [1000, 5000], [2000, 100]]) throughput.record(now, sent);
  assert.equal(throughput.rate, null);

  throughput.record(3000, 300);

  assert.equal(throughput.rate, 200);
});
