import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Preflight } from "../../../../static/js/upload/state/preflight.js";
import { FileStore } from "../../../../static/js/upload/state/file-store.js";

const NEW = { state: "new" };

/** A list with one chosen file, whose checksum is known; `answer(count, item)` returns the reply to the count-th request. */
function start(t, answer) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const fileStore = new FileStore();
  const [item] = fileStore.add([{ name: "a", sha256: "ab" }]);
  let asked = 0;
  const sender = { page: 1, query: async () => answer(++asked, item), join() {} };
  const preflight = new Preflight(fileStore, sender);
  const ask = async () => {
    preflight.schedule();
    mock.timers.tick(1000);
    await new Promise(setImmediate);
  };
  return { fileStore, item, ask, asked: () => asked };
}

test("a file is compared once for each thing that is known of it", async (t) => {
  const { fileStore, item, ask, asked } = start(t, () => ({ files: [NEW] }));
  await ask();
  await ask();
  assert.deepEqual([item.serverState, asked()], ["new", 1]);
  fileStore.set(item, { sha256: "cd" });
  await ask();
  assert.equal(asked(), 2);
});

test("a comparison that failed is made again", async (t) => {
  const { item, ask } = start(t, (count) => (count === 1 ? Promise.reject(new Error("away")) : { files: [NEW] }));
  await ask();
  assert.equal(item.serverState, null);
  await ask();
  assert.equal(item.serverState, "new");
});

test("what was on its way when the answer came, and has to wait after all, is compared again", async (t) => {
  const { fileStore, item, ask } = start(t, (count, one) => {
    if (count === 1) fileStore.set(one, { state: "pending" });
    return { files: [NEW] };
  });
  await ask();
  assert.equal(item.serverState, null);
  fileStore.set(item, { state: "later" });
  await ask();
  assert.equal(item.serverState, "new");
});
