/* Skipped files of a selection are declared with each of its batches, and survive a reload like the files themselves. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { FileStore } from "../../../../static/js/upload/state/file-store.js";
import { restore } from "../../../../static/js/upload/state/resume.js";
import { Sender } from "../../../../static/js/upload/state/sender.js";

globalThis.navigator ??= { locks: { request: async (_, ...rest) => rest.at(-1)({}) } };

const AVI = { path: "DCIM/MVI.AVI", size: 9, modified: 5, album: null, isSkipped: true, isCompanion: false };
const JUNK = { path: "DCIM/.DS_Store", size: 6, modified: 5, album: null, isSkipped: true, isCompanion: true };

/** A server that has every file already, so that no file is sent; with `busy`, every file has to wait. */
function scene({ maxFiles = 2, busy = false } = {}) {
  const [bodies, stored] = [[], new Set()];
  const server = { busy };
  const request = async (_, url, { body } = {}) => {
    if (!body) return { status: 204, json: null, header: () => null };
    const { files, skipped } = JSON.parse(body);
    bodies.push({ url, files: files.length, skipped: skipped?.map(({ name }) => name) ?? [] });
    const state = server.busy ? "later" : "here";
    return { status: 200, json: { files: files.map(() => ({ state, message: "" })), chunk_bytes: 1 }, header: () => null };
  };
  const fileStore = new FileStore();
  const sender = new Sender({
    fileStore,
    transport: { request, connection: { untilOpen: async () => {} }, chunkSize: { advise() {} } },
    persistence: { save: (items) => items.forEach((item) => stored.add(item)), forget: (items) => items.forEach((item) => stored.delete(item)), all: async () => [...stored] },
    albumUrls: (id) => ({ manifest: `/albums/${id}/`, cancel: "" }),
    page: "1",
    maxFiles,
  });
  const choose = (count) => fileStore.add(Array.from({ length: count }, (_, n) => ({ name: `${n}.jpg`, path: `DCIM/${n}.jpg`, size: 1, file: {} })));
  return { bodies, stored, server, fileStore, sender, choose };
}

test("skipped files are declared with each batch of a selection, and companions only once", async () => {
  const { bodies, stored, sender, choose } = scene();
  sender.skipped.add([{ ...AVI }, { ...JUNK }]);

  await sender.send(choose(5));
  sender.albumFree("1");
  await new Promise(setImmediate);
  sender.albumFree("1");
  await new Promise(setImmediate);

  const declared = bodies.filter(({ skipped, files }) => files && skipped.length);
  assert.deepEqual(declared.map(({ files, skipped }) => [files, skipped]), [
    [2, ["DCIM/MVI.AVI", "DCIM/.DS_Store"]],
    [2, ["DCIM/MVI.AVI"]],
    [1, ["DCIM/MVI.AVI"]],
  ]);
  assert.deepEqual([...stored].filter(({ isSkipped }) => isSkipped), []);
});

test("skipped files are declared with the next batch if another batch is active", async () => {
  const { bodies, server, sender, choose } = scene({ maxFiles: 10, busy: true });
  sender.skipped.add([{ ...AVI }]);
  await sender.send(choose(2));

  server.busy = false;
  sender.albumFree("1");
  await new Promise(setImmediate);

  assert.deepEqual(bodies.map(({ skipped }) => skipped), [["DCIM/MVI.AVI"], ["DCIM/MVI.AVI"]]);
});

test("skipped files that do not fit into one manifest are declared with further ones", async () => {
  const { bodies, sender, choose } = scene();
  sender.skipped.add(Array.from({ length: 4500 }, (_, n) => ({ ...JUNK, path: `DCIM/._${n}` })));

  await sender.send(choose(1));

  assert.deepEqual(bodies.map(({ files, skipped }) => [files, skipped.length]), [[1, 2000], [0, 2000], [0, 500]]);
});

test("the skipped files of a folder are declared to its album", async () => {
  const { bodies, sender, choose } = scene();
  sender.skipped.add([{ ...AVI, path: "DCIM/Tuesday/sub/MVI.AVI" }]);
  const [one, two] = choose(2);
  Object.assign(one, { album: "7" });
  sender.skipped.assign(new Map([["DCIM/Tuesday", "7"]]), [one, two]);

  await sender.send([one, two]);

  const skippedByUrl = Object.fromEntries(bodies.map(({ url, skipped }) => [url, skipped]));
  assert.deepEqual(skippedByUrl, { "/albums/7/": ["DCIM/Tuesday/sub/MVI.AVI"], "/albums/1/": [] });
});

test("skipped files outside the folders of albums are declared to each album, and companions once", async () => {
  const { bodies, stored, sender, choose } = scene();
  sender.skipped.add([{ ...AVI, path: "PRIVATE/CLIP/C0001.MP4" }, { ...JUNK, path: "PRIVATE/.DS_Store" }, { ...AVI, path: "DCIM/100/MVI.AVI" }]);
  const items = choose(3);
  items.forEach((item, number) => Object.assign(item, { album: number < 2 ? "7" : "8" }));
  sender.skipped.assign(new Map([["DCIM/100", "7"], ["DCIM/101", "8"]]), items);

  await sender.send(items);

  const skippedByUrl = Object.fromEntries(bodies.map(({ url, skipped }) => [url, skipped]));
  assert.deepEqual(skippedByUrl, {
    "/albums/7/": ["PRIVATE/CLIP/C0001.MP4", "PRIVATE/.DS_Store", "DCIM/100/MVI.AVI"],
    "/albums/8/": ["PRIVATE/CLIP/C0001.MP4"],
  });
  assert.deepEqual([...stored].filter(({ isSkipped }) => isSkipped), []);
});

test("skipped files of folders without an album are declared to the page's album", async () => {
  const { bodies, sender, choose } = scene();
  sender.skipped.add([{ ...AVI }]);
  const items = choose(2);
  sender.skipped.assign(new Map(), items);

  await sender.send(items);

  assert.deepEqual(bodies.map(({ url, skipped }) => [url, skipped]), [["/albums/1/", ["DCIM/MVI.AVI"]]]);
});

test("skipped files are restored after a reload if files are missing, and otherwise forgotten", async () => {
  const { stored, fileStore, sender } = scene({ busy: true });
  const row = { name: "1.jpg", path: "DCIM/1.jpg", size: 1, modified: 1, album: "1", upload: null };
  const skipped = [];
  const parts = { persistence: { all: async () => [row, AVI], forget() {} }, fileStore, sender: { query: async () => null, skipped: { add: (files) => skipped.push(...files) } } };

  await restore(parts);

  assert.deepEqual([skipped, fileStore.items.map(({ name, state }) => [name, state])], [[AVI], [["1.jpg", "missing"]]]);
  stored.add(AVI);
  await restore({ ...parts, fileStore: new FileStore(), persistence: { all: async () => [AVI], forget: (items) => items.forEach((item) => stored.delete(item)) } });
  assert.equal(stored.size, 0);
});

test("cancelling all forgets the skipped files", async () => {
  const { bodies, stored, sender, choose } = scene({ busy: true });
  sender.skipped.add([AVI]);
  await sender.send(choose(1));
  await sender.cancelAll();
  bodies.length = 0;

  await sender.send(choose(1));

  assert.deepEqual(bodies.map(({ skipped }) => skipped), [[]]);
  assert.equal([...stored].filter(({ isSkipped }) => isSkipped).length, 0);
});
