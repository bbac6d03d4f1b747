import assert from "node:assert/strict";
import { test } from "node:test";

import { ComingBack } from "../../../../static/js/upload/state/resume.js";
import { Ledger } from "../../../../static/js/upload/state/file-store.js";

/** One file that was on its way before a reload, and a server that tells what has become of it. */
function scene() {
  const panel = { dataset: { busy: "yes", receiving: "1", received: "0", total: "1" } };
  const server = { state: "half", asked: 0, forgotten: 0 };
  const row = { name: "a.jpg", path: "a.jpg", size: 10, modified: 1, album: "1", upload: "/uploads/a/" };
  const keep = { all: async () => [row], forget: (items) => (server.forgotten += items.length) };
  const compare = async (_, items) => {
    server.asked += 1;
    return { files: items.map(() => ({ state: server.state, upload: row.upload, offset: 4 })) };
  };
  const cancel = (items) => (server.cancelled = items.length);
  const isElsewhere = async (albums) => albums.includes(server.elsewhere);
  const parts = { keep, ledger: new Ledger(), sender: { page: "1", compare, cancel, isElsewhere, join() {} }, hasher: null };
  const told = [];
  const back = new ComingBack(parts, () => panel, () => told.push(back.again?.words));
  return { panel, server, parts, back, told };
}

test("what arrives after a reload is missing no more, though it came before the first new panel", async () => {
  const { panel, server, parts, back } = scene();
  await back.start();
  assert.match(back.again.words, /^1 of 1 photo is still to come/);

  server.state = "received";
  panel.dataset.received = "1";
  await back.heard();

  assert.equal(back.again, null);
  assert.deepEqual(parts.ledger.items.map(({ state }) => state), ["received"]);
  assert.equal(server.forgotten, 1);
});

test("a panel that tells of nothing new asks nobody", async () => {
  const { server, back } = scene();
  await back.start();

  await back.heard();

  assert.equal(server.asked, 1);
  assert.ok(back.again);
});

test("what another tab sends is not missing, until that tab ends", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, parts, back, told, panel } = scene();
  Object.assign(panel.dataset, { received: "5", total: "12" });
  server.elsewhere = "1";
  const started = back.start();
  await until(() => told.length);

  assert.deepEqual(back.again, { isElsewhere: true, canResume: false, words: "Uploading in another tab (5 of 12)." });
  assert.deepEqual([parts.ledger.items, server.asked], [[], 0]);

  server.elsewhere = null;
  t.mock.timers.tick(1000);
  await started;

  assert.match(back.again.words, /still to come/);
});

test("files for an album that another tab sends to are not missing either", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, parts, back, told } = scene();
  parts.sender.page = "2";
  server.elsewhere = "1";

  back.start();
  await until(() => told.length);

  assert.ok(back.again.isElsewhere);
});

test("when another tab goes on with what was missing here, this one looks on", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, parts, back } = scene();
  await back.start();
  server.elsewhere = "1";

  await back.heard();

  assert.ok(back.again?.isElsewhere || (await until(() => back.again?.isElsewhere)));
  assert.deepEqual(parts.ledger.in("missing"), []);
});

test("what another tab has begun to send cannot be discarded", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, back } = scene();
  await back.start();
  server.elsewhere = "1";

  await back.giveUp();

  assert.equal(server.cancelled, undefined);
});

test("what is missing is discarded", async () => {
  const { server, back } = scene();
  await back.start();

  await back.giveUp();

  assert.equal(server.cancelled, 1);
});

async function until(condition) {
  while (!condition()) await new Promise((done) => setImmediate(done));
  return true;
}
