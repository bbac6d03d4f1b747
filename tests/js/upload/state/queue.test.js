import assert from "node:assert/strict";
import test from "node:test";
import { Cancelled, Paused, Queue } from "../../../../static/js/upload/state/queue.js";

/** A queue whose items are sent until the test finishes them. */
function startQueue(count, options = {}) {
  const log = [];
  const finishers = new Map();
  const queue = new Queue((item, signal) => {
    log.push(item);
    return new Promise((done) => {
      finishers.set(item, () => done(true));
      signal.addEventListener("abort", () => done(!(signal.reason instanceof Paused)));
    });
  }, options);
  const finish = async (item) => {
    finishers.get(item)();
    await new Promise(setImmediate);
  };
  queue.add(Array.from({ length: count }, (_, number) => number + 1));
  return { queue, log, finish };
}

test("three items are sent at a time, in order", async () => {
  const { log, finish } = startQueue(5);
  assert.deepEqual(log, [1, 2, 3]);
  await finish(2);
  assert.deepEqual(log, [1, 2, 3, 4]);
});

test("an item that is added twice is sent once", async () => {
  const { queue, log, finish } = startQueue(2);
  queue.add([1, 2]);
  await finish(1);
  await finish(2);
  assert.deepEqual(log, [1, 2]);
  assert.ok(queue.isIdle);
});

test("a pause moves started items to the front of the queue, and resuming sends them again", async () => {
  const { queue, log, finish } = startQueue(5);
  queue.pause();
  await new Promise(setImmediate);
  assert.equal(queue.isRunning, false);
  assert.equal(queue.isIdle, false);
  queue.resume();
  assert.deepEqual(log, [1, 2, 3, 1, 2, 3]);
  await finish(1);
  assert.deepEqual(log.at(-1), 4);
});

test("an item that finishes when the pause begins is not sent again", async () => {
  const log = [];
  const queue = new Queue(async (item) => (log.push(item), await null, true), { concurrency: 1 });
  queue.add([1]);
  queue.pause();
  await new Promise(setImmediate);
  queue.resume();
  await new Promise(setImmediate);
  assert.deepEqual(log, [1]);
});

test("removing an item stops it with a reason, and the next one starts", async () => {
  const reasons = [];
  const queue = new Queue(
    (item, signal) => new Promise((done) => signal.addEventListener("abort", () => (reasons.push(signal.reason), done(true)))),
    { concurrency: 1 },
  );
  queue.add(["a", "b"]);
  queue.remove("b");
  queue.remove("a");
  await new Promise(setImmediate);
  assert.ok(reasons.length === 1 && reasons[0] instanceof Cancelled);
  assert.ok(queue.isIdle);
});

test("the end of the queue is reported once", async () => {
  let endCount = 0;
  const { finish } = startQueue(2, { onIdle: () => (endCount += 1) });
  await finish(1);
  assert.equal(endCount, 0);
  await finish(2);
  assert.equal(endCount, 1);
});
