import assert from "node:assert/strict";
import { test } from "node:test";

import { ComingBack } from "../../../static/js/uploading/coming-back.js";
import { Ledger } from "../../../static/js/uploading/ledger.js";

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
  const parts = { keep, ledger: new Ledger(), sender: { page: "1", compare, join() {} }, hasher: null };
  return { panel, server, parts, back: new ComingBack(parts, () => panel) };
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
