import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import test from "node:test";
import { ChunkSize, MIN_BYTES } from "../../../../static/js/upload/transport/chunk-size.js";
import { digest } from "../../../../static/js/upload/hashing/digest.js";
import { Connection } from "../../../../static/js/upload/transport/connection.js";
import { UploadGone, RetriesExhausted, UploadRejected, sendByTus } from "../../../../static/js/upload/transport/tus-upload.js";
import { Stalled } from "../../../../static/js/upload/transport/request.js";
import { reply, Server } from "./fake-tus-server.js";

const CHUNK = 1 << 20;
const BACKOFF = { base: 0 };

function sending(size, { faults = [], probes = [], offset = 0, stored = offset } = {}) {
  const content = randomBytes(size);
  const server = new Server(size);
  server.faults = faults;
  server.stored = content.subarray(0, stored);
  const connection = new Connection(async () => probes.shift() ?? "open", BACKOFF);
  const chunkSize = new ChunkSize(CHUNK, CHUNK);
  const stop = new AbortController();
  const offsets = [];
  const transport = { request: server.request, hashPart: digest, connection, chunkSize, stallMs: 1000, backoffOptions: BACKOFF };
  const done = sendByTus({
    file: new Blob([content]),
    url: "/uploads/1/",
    offset,
    transport,
    signal: stop.signal,
    onOffset: (offset) => offsets.push(offset),
  });
  return { content, server, connection, chunkSize, stop, offsets, done };
}

test("a file is sent in chunks, each from the end of the previous one", async () => {
  const { content, server, offsets, done } = sending(2.5 * CHUNK);

  await done;

  assert.deepEqual(server.log, [`PATCH 0+${CHUNK}`, `PATCH ${CHUNK}+${CHUNK}`, `PATCH ${2 * CHUNK}+${CHUNK / 2}`]);
  assert.deepEqual(offsets, [0, CHUNK, 2 * CHUNK, 2.5 * CHUNK]);
  assert.deepEqual(server.stored, content);
});

test("an upload continues from the given offset", async () => {
  const { content, server, done } = sending(2 * CHUNK, { offset: CHUNK });

  await done;

  assert.deepEqual(server.log, [`PATCH ${CHUNK}+${CHUNK}`]);
  assert.deepEqual(server.stored, content);
});

test("an unknown offset is requested first", async () => {
  const { content, server, done } = sending(2 * CHUNK, { offset: null, stored: CHUNK });

  await done;

  assert.deepEqual(server.log, ["HEAD", `PATCH ${CHUNK}+${CHUNK}`]);
  assert.deepEqual(server.stored, content);
});

test("a file that the server has completely is not sent again", async () => {
  const { server, done } = sending(CHUNK, { offset: null, stored: CHUNK });

  await done;

  assert.deepEqual(server.log, ["HEAD"]);
});

test("a chunk is not sent again if only its response was lost", async () => {
  const loseResponse = (respond) => (respond(), reply(0));
  const { content, server, done } = sending(2 * CHUNK, { faults: [loseResponse] });

  await done;

  assert.deepEqual(server.log.slice(0, 2), [`PATCH 0+${CHUNK}`, "HEAD"]);
  assert.ok(server.log.slice(2).every((line) => !line.startsWith("PATCH 0+")));
  assert.deepEqual(server.stored, content);
});

test("the offset in a 409 is used without another request", async () => {
  const { content, server, done } = sending(2 * CHUNK, { faults: [reply(409, 0)] });

  await done;

  assert.deepEqual(server.log, [`PATCH 0+${CHUNK}`, `PATCH 0+${CHUNK}`, `PATCH ${CHUNK}+${CHUNK}`]);
  assert.deepEqual(server.stored, content);
});

test("a damaged chunk is sent again", async () => {
  const { content, server, done } = sending(CHUNK, { faults: [460] });

  await done;

  assert.deepEqual(server.log, [`PATCH 0+${CHUNK}`, "HEAD", `PATCH 0+${CHUNK}`]);
  assert.deepEqual(server.stored, content);
});

test("chunks are smaller after a proxy rejected a large one", async () => {
  const { content, server, chunkSize, done } = sending(CHUNK, { faults: [413] });

  await done;

  assert.equal(server.log[2], `PATCH 0+${CHUNK / 2}`);
  assert.deepEqual(server.stored, content);
  assert.equal(chunkSize.bytes, CHUNK / 2);
});

test("a stalled chunk is sent again in a smaller size", async () => {
  const stall = () => Promise.reject(new Stalled());
  const { content, server, done } = sending(CHUNK, { faults: [stall] });

  await done;

  assert.deepEqual(server.log.slice(0, 3), [`PATCH 0+${CHUNK}`, "HEAD", `PATCH 0+${CHUNK / 2}`]);
  assert.deepEqual(server.stored, content);
});

test("each chunk has fiveErrors retries", async () => {
  const fiveErrors = [500, 200, 500, 200, 500, 200, 500, 200, 500, 200].map((status) => (status === 200 ? (respond) => respond() : status));
  const { content, server, done } = sending(2 * CHUNK, { faults: [...fiveErrors, (respond) => respond(), ...fiveErrors] });

  await done;

  assert.deepEqual(server.stored, content);
});

test("an upload fails with the server's message after fiveErrors retries", async () => {
  const failure = reply(500, null, { message: "It hurts." });
  const { done } = sending(CHUNK, { faults: Array(6).fill([failure, (respond) => respond()]).flat() });

  await assert.rejects(done, (error) => error instanceof RetriesExhausted && error.message === "It hurts.");
});

test("an upload waits while the server is unreachable, without using up a retry", async () => {
  const noResponses = Array(9).fill([0, 0]).flat(); // each chunk and the request for the offset after it
  const { content, server, connection, done } = sending(CHUNK, { faults: noResponses, probes: Array(20).fill("unreachable").concat("open") });
  const states = [];
  connection.addEventListener("change", () => states.push(connection.state));

  await done;

  assert.deepEqual(server.stored, content);
  assert.deepEqual([...new Set(states)], ["unreachable", "open"]);
});

test("an upload fails if the connection breaks at every chunk while the server is reachable", async () => {
  const { chunkSize, done } = sending(CHUNK, { faults: Array(6).fill([0, (respond) => respond()]).flat() });

  await assert.rejects(done, RetriesExhausted);
  assert.equal(chunkSize.bytes, MIN_BYTES);
});

test("an upload waits while the user is signed out", async () => {
  const { content, server, connection, done } = sending(CHUNK, { faults: [401], probes: ["signed-out", "open"] });
  const states = [];
  connection.addEventListener("change", () => (states.push(connection.state), connection.checkNow()));
  setTimeout(() => connection.checkNow(), 20);

  await done;

  assert.deepEqual(states, ["signed-out", "open"]);
  assert.deepEqual(server.stored, content);
});

test("an upload waits for Retry-After any number of times without using up a retry", async () => {
  const busy = reply(503, null, { message: "Short of memory." }, { "Retry-After": "0" });
  const { content, server, connection, done } = sending(CHUNK, { faults: Array(12).fill([busy, (respond) => respond()]).flat() });
  const messages = new Set();
  connection.addEventListener("change", () => messages.add(connection.message));

  await done;

  assert.deepEqual(server.stored, content);
  assert.ok(messages.has("Short of memory."));
});

test("an upload that has ended is reported as gone", async () => {
  const { server, done } = sending(CHUNK);
  server.ended = 410;

  await assert.rejects(done, UploadGone);
});

test("a permanent rejection has the code and the message of the server", async () => {
  const { done } = sending(CHUNK, { faults: [reply(413, 0, { error: "too-large", message: "Too large." })] });

  await assert.rejects(done, (error) => error instanceof UploadRejected && error.code === "too-large" && error.message === "Too large.");
});

test("an upload that the server has finished already is successful", async () => {
  const { done } = sending(CHUNK, { faults: [reply(403, CHUNK, { error: "finished", message: "" })] });

  await done;
});

test("aborting stops the upload immediately with the given reason", async () => {
  const { stop, done } = sending(CHUNK, { faults: [() => (stop.abort(new Error("paused")), Promise.reject(stop.signal.reason))] });

  await assert.rejects(done, /paused/);
});

test("aborting ends the wait for the network", async () => {
  const probes = { shift: () => "unreachable" };
  const { stop, connection, done } = sending(CHUNK, { faults: [0, 0], probes });

  connection.addEventListener("change", () => setImmediate(() => stop.abort(new Error("cancelled"))), { once: true });

  await assert.rejects(done, /cancelled/).finally(() => (probes.shift = () => "open"));
});
