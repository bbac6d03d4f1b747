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

/** A server whose uploads expire after an hour, and which responds to a PATCH when the test calls answer(). */
class Server {
  uploads = 0;
  #patches = new Map();
  #came = new Map();

  request = async (method, url, { body, signal } = {}) => {
    await new Promise(setImmediate); // as over a network: synchronous work of the page comes first
    if (method === "POST") return this.#declare(JSON.parse(body));
    return new Promise((answer, failed) => {
      if (signal.aborted) return failed(signal.reason);
      signal.addEventListener("abort", () => failed(signal.reason), { once: true });
      this.#patches.set(url, answer);
      this.#came.get(url)?.();
    });
  };

  /** Responds to the PATCH of this upload, once it has come. */
  async answer(url, status, offset = null, json = null) {
    if (!this.#patches.has(url)) await new Promise((came) => this.#came.set(url, came));
    this.#patches.get(url)(reply(status, offset, json));
  }

  results = {}; // the reply about a received file, by its upload

  #declare({ files, open }) {
    if (!open) return reply(200, null, { files: files.map(({ upload }) => ({ state: "received", upload, ...this.results[upload] })) });
    const replies = files.map(() => ({ state: "new", upload: `/uploads/${++this.uploads}/`, offset: 0 }));
    return reply(200, null, { files: replies, expires_at: new Date(Date.now() + HOUR_MS).toISOString() });
  }
}

function sending(names) {
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
  const sender = new Sender({ fileStore, transport, persistence, albumUrls: () => ({ manifest: "/manifest/" }), page: 1, maxFiles: 2000 });
  const items = fileStore.add(names.map((name) => ({ name, size: SIZE, file: new Blob([new Uint8Array(SIZE)]) })));
  const all = (states) =>
    new Promise((done) => {
      const look = () => String(items.map(({ state }) => state)) === String(states) && done();
      fileStore.addEventListener("change", look);
      look();
    });
  return { sender, server, items, all, done: sender.send(items) };
}

test("after a long silence all that expired comes again, though a file that had arrived is heard of first", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { server, items, all, done } = sending(["arrived.jpg", "expired.jpg", "expired too.jpg"]);
  await done;

  now += 2 * HOUR_MS;
  await server.answer("/uploads/1/", 204, SIZE);
  await all(["received", "sending", "sending"]);
  await server.answer("/uploads/2/", 404);
  await server.answer("/uploads/4/", 204, SIZE);
  await server.answer("/uploads/5/", 204, SIZE);
  await all(["received", "received", "received"]);

  assert.deepEqual(items.map(({ upload }) => upload), ["/uploads/1/", "/uploads/4/", "/uploads/5/"]);
});

test("an upload that is gone while others are heard of was cancelled elsewhere, and does not come again", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { server, items, all, done } = sending(["sent.jpg", "cancelled.jpg"]);
  await done;

  await server.answer("/uploads/1/", 204, SIZE);
  await server.answer("/uploads/2/", 404);
  await all(["received", "failed"]);

  assert.match(items[1].message, /Cancelled here or on another device/);
  assert.equal(server.uploads, 2);
});

test("an upload to an album that was moved to the trash says so, and may be tried again", async (t) => {
  t.mock.method(performance, "now", () => 0);
  const { server, items, all, done } = sending(["sent.jpg"]);
  await done;

  await server.answer("/uploads/1/", 410, null, { error: "album-in-trash", message: "This album is in the trash." });
  await all(["failed"]);

  assert.equal(items[0].message, "This album is in the trash.");
});

test("what became of received files is asked for once in a while, until it is known", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { sender, server, items, all, done } = sending(["photo.jpg", "broken.jpg", "waits.jpg", "held.jpg"]);
  await done;
  for (const number of [1, 2, 3]) await server.answer(`/uploads/${number}/`, 204, SIZE);
  await all(["received", "received", "received", "sending"]);
  const results = () => items.slice(0, 3).map(({ photo, message }) => photo || message);

  await sender.pollReceived();
  assert.deepEqual(results(), ["", "", ""]);
  server.results = { "/uploads/1/": { photo: "/photos/1/" }, "/uploads/2/": { message: "The file is damaged." } };
  now += 1000;
  await sender.pollReceived();
  assert.deepEqual(results(), ["", "", ""], "asked just now");
  now += 5000;
  await sender.pollReceived();

  assert.deepEqual(results(), ["/photos/1/", "failed: The file is damaged.", ""]);
});
