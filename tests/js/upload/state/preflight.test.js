import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Comparison } from "../../../../static/js/upload/state/preflight.js";
import { Ledger } from "../../../../static/js/upload/state/file-store.js";

const NEW = { state: "new" };

/** A list with one chosen file, whose checksum is known; `answer` is what the server says, when asked so often. */
function start(t, answer) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const ledger = new Ledger();
  const [item] = ledger.add([{ name: "a", sha256: "ab" }]);
  let asked = 0;
  const sender = { page: 1, compare: async () => answer(++asked, item), join() {} };
  const comparison = new Comparison(ledger, sender);
  const ask = async () => {
    comparison.ask();
    mock.timers.tick(1000);
    await new Promise(setImmediate);
  };
  return { ledger, item, ask, asked: () => asked };
}

test("a file is compared once for each thing that is known of it", async (t) => {
  const { ledger, item, ask, asked } = start(t, () => ({ files: [NEW] }));
  await ask();
  await ask();
  assert.deepEqual([item.standing, asked()], ["new", 1]);
  ledger.set(item, { sha256: "cd" });
  await ask();
  assert.equal(asked(), 2);
});

test("a comparison that failed is made again", async (t) => {
  const { item, ask } = start(t, (count) => (count === 1 ? Promise.reject(new Error("away")) : { files: [NEW] }));
  await ask();
  assert.equal(item.standing, undefined);
  await ask();
  assert.equal(item.standing, "new");
});

test("what was on its way when the answer came, and has to wait after all, is compared again", async (t) => {
  const { ledger, item, ask } = start(t, (count, one) => {
    if (count === 1) ledger.set(one, { state: "pending" });
    return { files: [NEW] };
  });
  await ask();
  assert.equal(item.standing, undefined);
  ledger.set(item, { state: "later" });
  await ask();
  assert.equal(item.standing, "new");
});
