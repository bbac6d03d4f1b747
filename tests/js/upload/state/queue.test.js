import assert from "node:assert/strict";
import test from "node:test";
import { Cancelled, Paused, Queue } from "../../../../static/js/upload/state/queue.js";

/** A queue whose items are sent until the test finishes them. */
function bench(count, options = {}) {
  const log = [];
  const open = new Map();
  const queue = new Queue((item, signal) => {
    log.push(item);
    return new Promise((done) => {
      open.set(item, () => done(true));
      signal.addEventListener("abort", () => done(!(signal.reason instanceof Paused)));
    });
  }, options);
  const finish = async (item) => {
    open.get(item)();
    await new Promise(setImmediate);
  };
  queue.add(Array.from({ length: count }, (_, number) => number + 1));
  return { queue, log, finish };
}

test("three at a time, in their order", async () => {
  const { log, finish } = bench(5);
  assert.deepEqual(log, [1, 2, 3]);
  await finish(2);
  assert.deepEqual(log, [1, 2, 3, 4]);
});

test("what was added twice is carried once", async () => {
  const { queue, log, finish } = bench(2);
  queue.add([1, 2]);
  await finish(1);
  await finish(2);
  assert.deepEqual(log, [1, 2]);
  assert.ok(queue.isIdle);
});

test("a pause puts those that had begun back in front, and going on takes them up again", async () => {
  const { queue, log, finish } = bench(5);
  queue.pause();
  await new Promise(setImmediate);
  assert.equal(queue.isRunning, false);
  assert.equal(queue.isIdle, false);
  queue.resume();
  assert.deepEqual(log, [1, 2, 3, 1, 2, 3]);
  await finish(1);
  assert.deepEqual(log.at(-1), 4);
});

test("what arrived just as the pause began is not carried again", async () => {
  const log = [];
  const queue = new Queue(async (item) => (log.push(item), await null, true), { concurrency: 1 });
  queue.add([1]);
  queue.pause();
  await new Promise(setImmediate);
  queue.resume();
  await new Promise(setImmediate);
  assert.deepEqual(log, [1]);
});

test("what is removed is stopped with the reason, and the next takes its place", async () => {
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

test("the end is told once", async () => {
  let ends = 0;
  const { finish } = bench(2, { onIdle: () => (ends += 1) });
  await finish(1);
  assert.equal(ends, 0);
  await finish(2);
  assert.equal(ends, 1);
});
