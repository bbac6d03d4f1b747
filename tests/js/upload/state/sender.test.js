import assert from "node:assert/strict";
import test from "node:test";
import { ChunkSize } from "../../../../static/js/upload/transport/chunk-size.js";
import { digest } from "../../../../static/js/upload/hashing/digest.js";
import { FileStore } from "../../../../static/js/upload/state/file-store.js";
import { Connection } from "../../../../static/js/upload/transport/connection.js";
import { Sender } from "../../../../static/js/upload/state/sender.js";
import { reply } from "../transport/fake-tus-server.js";

const SIZE = 1000;
const HOUR_MS = 3_600_000;

Object.defineProperty(globalThis, "navigator", {
  value: { locks: { request: (name, options, hold) => hold({}) } },
  configurable: true,
});

/** A server whose uploads expire after an hour, and which responds to a PATCH when the test calls respond(). */
class Server {
  uploads = 0;
  deleted = [];
  isCancelled = false;
  beforeReply = () => {};
  beforeDeletion = () => {};
  #patches = new Map();
  #received = new Map();

  request = async (method, url, { body, signal } = {}) => {
    await new Promise(setImmediate); // as over a network: the page's synchronous code runs first
    if (url === "/cancel/") return (this.isCancelled = true), reply(204, null);
    if (method === "POST") return this.beforeReply(), this.#declare(JSON.parse(body));
    if (method === "DELETE") return await this.beforeDeletion(), this.deleted.push(url), reply(204, null);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#patches.set(url, resolve);
      this.#received.get(url)?.();
    });
  };

  /** Responds to the PATCH of this upload once it has been received. */
  async respond(url, status, offset = null, json = null) {
    if (!this.#patches.has(url)) await new Promise((resolve) => this.#received.set(url, resolve));
    this.#patches.get(url)(reply(status, offset, json));
  }

  results = {}; // the result of a received file, by its upload

  #declare({ files, open }) {
    if (!open) return reply(200, null, { files: files.map(({ upload }) => ({ state: "received", upload, ...this.results[upload] })) });
    const replies = files.map(() => ({ state: "new", upload: `/uploads/${++this.uploads}/`, offset: 0 }));
    return reply(200, null, { files: replies, expires_at: new Date(Date.now() + HOUR_MS).toISOString() });
  }
}

function sending(names, hashed = null) {
  const server = new Server();
  const fileStore = new FileStore();
  const transport = {
    request: server.request,
    hashPart: digest,
    connection: new Connection(async () => "open", { base: 0 }),
    chunkSize: new ChunkSize(SIZE, SIZE),
    stallMs: HOUR_MS,
    backoffOptions: { base: 0 },
    bucket: {},
  };
  const persistence = { save() {}, forget() {} };
  const sender = new Sender({ fileStore, transport, persistence, albumUrls: () => ({ manifest: "/manifest/", cancel: "/cancel/" }), page: 1, maxFiles: 2000 });
  const items = fileStore.add(names.map((name) => ({ name, size: SIZE, file: new Blob([new Uint8Array(SIZE)]) })));
  const untilStates = (states) =>
    new Promise((done) => {
      const check = () => String(items.map(({ state }) => state)) === String(states) && done();
      fileStore.addEventListener("change", check);
      check();
    });
  return { sender, server, items, untilStates, done: sender.send(items, hashed) };
}

test("expired uploads are declared again after a long pause, although a received file is reported first", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { server, items, untilStates, done } = sending(["arrived.jpg", "expired.jpg", "expired too.jpg"]);
  await done;

  now += 2 * HOUR_MS;
  await server.respond("/uploads/1/", 204, SIZE);
  await untilStates(["received", "sending", "sending"]);
  await server.respond("/uploads/2/", 404);
  await server.respond("/uploads/4/", 204, SIZE);
  await server.respond("/uploads/5/", 204, SIZE);
  await untilStates(["received", "received", "received"]);

  assert.deepEqual(items.map(({ upload }) => upload), ["/uploads/1/", "/uploads/4/", "/uploads/5/"]);
});

test("an upload that is gone while others continue was cancelled, and is not declared again", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { server, items, untilStates, done } = sending(["sent.jpg", "cancelled.jpg"]);
  await done;

  await server.respond("/uploads/1/", 204, SIZE);
  await server.respond("/uploads/2/", 404);
  await untilStates(["received", "failed"]);

  assert.match(items[1].message, /Cancelled here or on another device/);
  assert.equal(server.uploads, 2);
});

test("a file that is cancelled while the batch is declared is cancelled on the server too", async (t) => {
  t.mock.method(performance, "now", () => 0);
  const { sender, server, items, done } = sending(["sent.jpg", "cancelled.jpg"]);
  server.beforeReply = () => sender.cancel([items[1]]);

  await done;

  assert.deepEqual(items.map(({ state }) => state), ["sending", "cancelled"]);
  await new Promise(setImmediate);
  assert.deepEqual(server.deleted, ["/uploads/2/"]);
});

test("files are not declared before they are hashed, nor if they are cancelled by then", async (t) => {
  t.mock.method(performance, "now", () => 0);
  let finishHashing;
  const { sender, server, items, done } = sending(["sent.jpg", "cancelled.jpg"], new Promise((resolve) => (finishHashing = resolve)));
  await new Promise(setImmediate);
  assert.equal(server.uploads, 0);

  sender.cancel([items[1]]);
  finishHashing();
  await done;

  assert.equal(server.uploads, 1);
  assert.deepEqual(items.map(({ upload }) => upload), ["/uploads/1/", null]);
});

test("an upload to an album in the trash fails with a message, and may be retried", async (t) => {
  t.mock.method(performance, "now", () => 0);
  const { server, items, untilStates, done } = sending(["sent.jpg"]);
  await done;

  await server.respond("/uploads/1/", 410, null, { error: "album-in-trash", message: "This album is in the trash." });
  await untilStates(["failed"]);

  assert.equal(items[0].message, "This album is in the trash.");
});

test("the results of received files are requested at intervals until they are known", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { sender, server, items, untilStates, done } = sending(["photo.jpg", "broken.jpg", "waits.jpg", "held.jpg"]);
  await done;
  for (const number of [1, 2, 3]) await server.respond(`/uploads/${number}/`, 204, SIZE);
  await untilStates(["received", "received", "received", "sending"]);
  const results = () => items.slice(0, 3).map(({ photo, message }) => photo || message);

  await sender.received.poll();
  assert.deepEqual(results(), ["", "", ""]);
  server.results = { "/uploads/1/": { photo: "/photos/1/" }, "/uploads/2/": { message: "The file is damaged." } };
  now += 1000;
  await sender.received.poll();
  assert.deepEqual(results(), ["", "", ""], "requested just now");
  now += 5000;
  await sender.received.poll();

  assert.deepEqual(results(), ["/photos/1/", "failed: The file is damaged.", ""]);
});

test("all files are cancelled when the server has cancelled those that were cancelled one by one", async (t) => {
  t.mock.method(performance, "now", () => 0);
  const { sender, server, items, untilStates, done } = sending(["one.jpg", "other.jpg"]);
  await done;
  await untilStates(["sending", "sending"]);
  let endDeletion;
  server.beforeDeletion = () => new Promise((resolve) => (endDeletion = resolve));
  sender.cancel([items[0]]);
  while (!endDeletion) await new Promise(setImmediate);

  const cancelled = sender.cancelAll();
  await new Promise((resolve) => setTimeout(resolve)); // the request for all would have been made by now
  assert.equal(server.isCancelled, false);
  endDeletion();
  await cancelled;

  assert.deepEqual([server.deleted, server.isCancelled], [["/uploads/1/"], true]);
});
