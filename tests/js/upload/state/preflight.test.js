import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Preflight } from "../../../../static/js/upload/state/preflight.js";
import { FileStore } from "../../../../static/js/upload/state/file-store.js";

const NEW = { state: "new" };

/** A file store with one chosen file that has a checksum; `respond(count, item)` returns the response to the count-th request. */
function start(t, respond) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const fileStore = new FileStore();
  const [item] = fileStore.add([{ name: "a", sha256: "ab" }]);
  let requests = 0;
  const sender = { page: 1, query: async () => respond(++requests, item), join() {} };
  const preflight = new Preflight(fileStore, sender);
  const compare = async () => {
    preflight.schedule();
    mock.timers.tick(1000);
    await new Promise(setImmediate);
  };
  return { fileStore, item, compare, requestCount: () => requests };
}

test("a file is compared again only if its checksum changes", async (t) => {
  const { fileStore, item, compare, requestCount } = start(t, () => ({ files: [NEW] }));
  await compare();
  await compare();
  assert.deepEqual([item.serverState, requestCount()], ["new", 1]);
  fileStore.set(item, { sha256: "cd" });
  await compare();
  assert.equal(requestCount(), 2);
});

test("a failed comparison is repeated", async (t) => {
  const { item, compare } = start(t, (count) => (count === 1 ? Promise.reject(new Error("away")) : { files: [NEW] }));
  await compare();
  assert.equal(item.serverState, null);
  await compare();
  assert.equal(item.serverState, "new");
});

test("a file that was declared during the comparison and then has to wait is compared again", async (t) => {
  const { fileStore, item, compare } = start(t, (count, declared) => {
    if (count === 1) fileStore.set(declared, { state: "pending" });
    return { files: [NEW] };
  });
  await compare();
  assert.equal(item.serverState, null);
  fileStore.set(item, { state: "later" });
  await compare();
  assert.equal(item.serverState, "new");
});
