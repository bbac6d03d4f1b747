import assert from "node:assert/strict";
import { test } from "node:test";

import { digest } from "../../../../static/js/upload/hashing/digest.js";
import { canDeclare, questions, toDeclareAgain, undecided } from "../../../../static/js/upload/state/decisions.js";
import { FileStore, totals } from "../../../../static/js/upload/state/file-store.js";
import { isUnsent } from "../../../../static/js/upload/state/persistence.js";
import { restore } from "../../../../static/js/upload/state/resume.js";
import { Sender } from "../../../../static/js/upload/state/sender.js";
import { afterChecksum, afterDeclare, afterReload } from "../../../../static/js/upload/state/server-state.js";
import { fileStatus, title } from "../../../../static/js/upload/ui/texts.js";
import { ChunkSize } from "../../../../static/js/upload/transport/chunk-size.js";
import { Connection } from "../../../../static/js/upload/transport/connection.js";
import { reply } from "../transport/fake-tus-server.js";

Object.defineProperty(globalThis, "navigator", {
  value: { locks: { request: (name, options, hold) => hold({}) } },
  configurable: true,
});

const held = (otherAlbum, fields = {}) => ({ state: "held", serverState: otherAlbum ? "elsewhere" : "trash", otherAlbum, choice: null, ...fields });
const ELSEWHERE = { state: "elsewhere", held: true, upload: null, photo: "/photos/1/", album: "Rome" };
const IN_TRASH = { state: "trash", held: true, upload: null, photo: "/photos/2/", album: null };

/** A sender with files, and a server that replies to each manifest with what `answer(file)` returns for a file. */
function scene(files, answer) {
  const server = { isCopying: false };
  const fileStore = new FileStore();
  const manifests = [];
  const saved = new Set();
  const request = async (method, url, { body } = {}) => {
    if (method !== "POST") return new Promise(() => {}); // uploads last
    const manifest = JSON.parse(body);
    manifests.push(manifest);
    return reply(200, null, { files: manifest.files.map(answer), operation: null, copying: server.isCopying });
  };
  const transport = { request, hashPart: digest, connection: new Connection(async () => "open", { base: 0 }), chunkSize: new ChunkSize(), stallMs: 1e9, bucket: {} };
  const persistence = { save: (items) => items.forEach((item) => saved.add(item)), forget: (items) => items.forEach((item) => saved.delete(item)) };
  const sender = new Sender({ fileStore, transport, persistence, albumUrls: () => ({ manifest: "/manifest/", cancel: "/cancel/" }), page: "1", maxFiles: 2000 });
  const items = fileStore.add(files.map((name) => ({ name, size: 10, file: new Blob(["0123456789"]), sha256: name })));
  return { sender, items, manifests, saved, fileStore, server };
}

test("the questions name the other albums, those with most files first", () => {
  const items = [...Array(10).fill("Rome"), "Lisbon", "Lisbon"].map((album) => held(album));

  assert.deepEqual(questions([...items, held(null)]), {
    elsewhere: "12 of these photos are already in other albums: Rome (10), Lisbon (2).",
    trash: "1 of these photos is in this album’s trash.",
  });
  assert.deepEqual(questions([held("Rome", { choice: "copy" })]), { elsewhere: "", trash: "" });
});

test("held files are neither progress nor failures, and outlive the page", () => {
  const items = [held("Rome", { size: 5, offset: 0, inFlight: 0 }), { state: "received", size: 7, offset: 7, inFlight: 0 }];

  const sum = totals(items);

  assert.deepEqual([sum.bytes, sum.inProgress, sum.ended, sum.count("failed")], [7, 0, 1, 0]);
  assert.equal(title(sum, { isPaused: false, isIdle: false }), "1 photo waiting for your decision");
  assert.equal(fileStatus(items[0]), "also in Rome");
  assert.ok(isUnsent(items[0]));
});

test("a reply with a question holds the file, also when its checksum was late, but not when it was only looked up", () => {
  assert.equal(afterDeclare({}, ELSEWHERE).state, "held");
  assert.deepEqual(afterChecksum(IN_TRASH), afterDeclare({}, IN_TRASH));
  assert.equal(afterReload({}, { ...IN_TRASH, offset: 0 }).state, undefined);
});

test("files without a question are sent while others are held, and the decision is declared", async () => {
  const answer = ({ name, choice }) =>
    name === "new.jpg" ? { state: "new", upload: "/uploads/1/", offset: 0 } : choice ? { state: "here", upload: null, message: "Skipped" } : ELSEWHERE;
  const { sender, items, manifests, saved } = scene(["held.jpg", "new.jpg"], answer);

  await sender.send(items);

  assert.deepEqual(items.map(({ state }) => state), ["held", "sending"]);
  assert.ok(manifests[0].asks && saved.has(items[0]));
  await sender.decide(undecided(items, "elsewhere"), "skip");
  assert.deepEqual([items[0].state, fileStatus(items[0]), items[1].state], ["skipped", "Skipped", "sending"]);
  assert.deepEqual(manifests[1].files.map(({ name, choice }) => [name, choice]), [["held.jpg", "skip"]]);
  assert.ok(!saved.has(items[0]));
});

test("a photo that is being copied is declared again until it is there", async (t) => {
  let made = false;
  const { sender, items, manifests, server } = scene(["a.jpg"], ({ choice }) => (choice && made ? { state: "here", upload: null } : ELSEWHERE));
  await sender.send(items);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  server.isCopying = true;

  await sender.decide(items, "copy");

  assert.deepEqual([items[0].state, fileStatus(items[0]), undecided(items, "elsewhere")], ["held", "being copied", []]);
  made = true;
  t.mock.timers.tick(2000);
  for (let turn = 0; items[0].state !== "here" && turn < 1000; turn++) await Promise.resolve();
  assert.equal(items[0].state, "here");
  assert.deepEqual(manifests.at(-1).files.map(({ choice }) => choice), ["copy"]);
});

test("after a copy was undone while it was being made, the question comes again", async () => {
  const { sender, items } = scene(["a.jpg"], () => ELSEWHERE);
  await sender.send(items);

  await sender.decide(items, "copy");

  assert.deepEqual(undecided(items, "elsewhere"), items);
});

test("a copy that turns out to be a photo in the trash is asked about again", async () => {
  const { sender, items } = scene(["a.jpg"], ({ choice }) => (choice ? IN_TRASH : ELSEWHERE));
  await sender.send(items);

  await sender.decide(items, "copy");

  assert.deepEqual([toDeclareAgain(items), undecided(items, "trash")], [[], items]);
});

test("Cancel all ends held files", async () => {
  const { sender, items, saved } = scene(["a.jpg"], () => ELSEWHERE);
  await sender.send(items);

  await sender.cancelAll();

  assert.deepEqual([items[0].state, saved.size], ["cancelled", 0]);
});

test("after a reload held files are held, and only uploading one needs the file again", async () => {
  const { sender, fileStore, manifests } = scene([], ({ choice }) => (choice ? { state: "here", upload: null } : ELSEWHERE));
  const rows = ["a.jpg", "b.jpg"].map((name) => held("Rome", { name, path: name, size: 10, modified: 1, album: "1", sha256: name, file: null }));

  await restore({ persistence: { all: async () => rows, forget() {} }, fileStore, sender });

  const [first, second] = fileStore.items;
  assert.deepEqual([first.state, second.state, manifests], ["held", "held", []]);
  await sender.decide([first], "copy");
  await sender.decide([second], "upload");
  assert.deepEqual([first.state, second.state], ["here", "missing"]);
  assert.deepEqual([canDeclare(first), canDeclare(second)], [true, false]);
});
