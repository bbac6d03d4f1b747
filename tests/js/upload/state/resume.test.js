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

/** Files as an earlier page stored them, with handles that can be read. */
function storedFiles(context, ...rows) {
  const stored = rows.map((row, index) => {
    const name = `${index}.jpg`;
    const file = { size: 10, lastModified: 1 };
    const handle = { getFile: async () => file, queryPermission: async () => "granted" };
    return { name, path: name, size: 10, modified: 1, handle, grant: handle, album: null, ...row };
  });
  context.persistence.all = async () => stored;
  context.sender.query = async (_, items) => ({ files: items.map(() => ({ state: "new" })) });
}

test("files that waited for a choice or for another batch wait again", async () => {
  const { context, resume } = scene();
  storedFiles(context, { state: "chosen" }, { state: "later", album: "1" }, { state: "later", album: "1", isHeld: true });

  await resume.start();

  assert.deepEqual(context.fileStore.items.map(({ state }) => state), ["chosen", "later", "chosen"]);
  assert.equal(resume.notice, null);
});

test("queued files are sent when the album is free", async () => {
  const { context, resume, panel } = scene();
  storedFiles(context, { state: "later", album: "1" });
  panel.dataset.busy = "";
  let sent = [];
  context.sender.send = (items) => (sent = items);

  await resume.start();

  assert.deepEqual(sent, context.fileStore.items);
});

test("unsent files that cannot be read are named", async () => {
  const { context, resume } = scene();
  storedFiles(context, ...Array.from({ length: 7 }, () => ({ state: "chosen", handle: null })));

  await resume.start();

  assert.equal(resume.notice.message, "Not uploaded yet: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 2 more. Select these files again.");
  assert.ok(!resume.notice.isFolder && !resume.notice.canResume);
});

test("files of another device are asked for only when nothing arrives", async () => {
  const { context, resume, panel } = scene();
  context.persistence.all = async () => [];
  context.sender.query = async () => ({ batch: { mine: true }, files: [] });
  await resume.start();
  assert.equal(resume.notice, null);

  panel.dataset.quiet = "yes";
  resume.update();

  assert.match(resume.notice.message, /uploaded from another device/);
});

async function until(condition) {
  while (!condition()) await new Promise((done) => setImmediate(done));
  return true;
}
