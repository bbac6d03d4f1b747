import assert from "node:assert/strict";
import { test } from "node:test";

import { Resume } from "../../../../static/js/upload/state/resume.js";
import { FileStore } from "../../../../static/js/upload/state/file-store.js";

/** One file whose upload a reload interrupted, and a server that returns its state. */
function scene() {
  const panel = { dataset: { busy: "yes", receiving: "1", received: "0", total: "1" } };
  const server = { state: "half", requests: 0, forgotten: 0 };
  const row = { name: "a.jpg", path: "a.jpg", size: 10, modified: 1, album: "1", upload: "/uploads/a/" };
  const persistence = { all: async () => [row], forget: (items) => (server.forgotten += items.length) };
  const query = async (_, items) => {
    server.requests += 1;
    return { files: items.map(() => ({ state: server.state, upload: row.upload, offset: 4 })) };
  };
  const cancel = (items) => (server.cancelled = items.length);
  const isSentElsewhere = async (albums) => albums.includes(server.otherTabAlbum);
  const context = { persistence, fileStore: new FileStore(), sender: { page: "1", query, cancel, isSentElsewhere, join() {} }, hashPool: null };
  const messages = [];
  const resume = new Resume(context, () => panel, () => messages.push(resume.notice?.message));
  return { panel, server, context, resume, messages };
}

test("a file received after a reload is not missing, even before the first new panel", async () => {
  const { panel, server, context, resume } = scene();
  await resume.start();
  assert.match(resume.notice.message, /^Upload interrupted: 1 of 1 left/);

  server.state = "received";
  panel.dataset.received = "1";
  await resume.panelReplaced();

  assert.equal(resume.notice, null);
  assert.deepEqual(context.fileStore.items.map(({ state }) => state), ["received"]);
  assert.equal(server.forgotten, 1);
});

test("a panel without changes causes no request", async () => {
  const { server, resume } = scene();
  await resume.start();

  await resume.panelReplaced();

  assert.equal(server.requests, 1);
  assert.ok(resume.notice);
});

test("files that another tab sends are not missing until that tab is closed", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, context, resume, messages, panel } = scene();
  Object.assign(panel.dataset, { received: "5", total: "12" });
  server.otherTabAlbum = "1";
  const started = resume.start();
  await until(() => messages.length);

  assert.deepEqual(resume.notice, { isElsewhere: true, canResume: false, message: "Uploading in another tab (5 of 12)." });
  assert.deepEqual([context.fileStore.items, server.requests], [[], 0]);

  server.otherTabAlbum = null;
  t.mock.timers.tick(1000);
  await started;

  assert.match(resume.notice.message, /Upload interrupted/);
});

test("files for an album to which another tab sends are not missing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, context, resume, messages } = scene();
  context.sender.page = "2";
  server.otherTabAlbum = "1";

  resume.start();
  await until(() => messages.length);

  assert.ok(resume.notice.isElsewhere);
});

test("missing files are removed here when another tab resumes them", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, context, resume } = scene();
  await resume.start();
  server.otherTabAlbum = "1";

  await resume.panelReplaced();

  assert.ok(resume.notice?.isElsewhere || (await until(() => resume.notice?.isElsewhere)));
  assert.deepEqual(context.fileStore.in("missing"), []);
});

test("files that another tab has begun to send cannot be discarded", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, resume } = scene();
  await resume.start();
  server.otherTabAlbum = "1";

  await resume.discard();

  assert.equal(server.cancelled, undefined);
});

test("missing files are discarded", async () => {
  const { server, resume } = scene();
  await resume.start();

  await resume.discard();

  assert.equal(server.cancelled, 1);
});

async function until(condition) {
  while (!condition()) await new Promise((done) => setImmediate(done));
  return true;
}
