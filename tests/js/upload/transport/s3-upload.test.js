import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import test from "node:test";
import { sendToBucket, BucketUnreachable } from "../../../../static/js/upload/transport/s3-upload.js";
import { Connection } from "../../../../static/js/upload/transport/connection.js";
import { sendFile } from "../../../../static/js/upload/transport/choose-transport.js";
import { RetriesExhausted, UploadGone, UploadRejected } from "../../../../static/js/upload/transport/tus-upload.js";
import { Stalled } from "../../../../static/js/upload/transport/request.js";
import { Bucket } from "./fake-bucket.js";
import { reply } from "./fake-tus-server.js";

const PART = 1000;
const BACKOFF = { base: 0 };

function sending(size, { faults = [], probes = [], isNew = true, there = [], hasAnswered = false, content = randomBytes(size) } = {}) {
  const bucket = new Bucket(size);
  bucket.faults = faults;
  for (const number of there) bucket.stored.set(number, content.subarray((number - 1) * PART, number * PART));
  const connection = new Connection(async () => probes.shift() ?? "open", BACKOFF);
  const stop = new AbortController();
  const offsets = [];
  const transport = { request: bucket.request, connection, bucket: { hasAnswered, isUnreachable: false }, stallMs: 1000, backoffOptions: BACKOFF };
  const done = sendToBucket({
    file: new Blob([content]),
    parts: "/parts",
    partBytes: PART,
    isNew,
    checksum: async () => createHash("sha256").update(content).digest("hex"),
    transport,
    signal: stop.signal,
    onOffset: (offset) => offsets.push(offset),
  });
  return { content, bucket, connection, transport, stop, offsets, done };
}

test("each part is sent to its signed URL, and all parts are completed", async () => {
  const { content, bucket, offsets, done } = sending(2.5 * PART);

  await done;

  assert.deepEqual(bucket.log, [
    "GET /1?size=1000",
    "PUT bucket/1",
    "GET /2?size=1000",
    "PUT bucket/2",
    "GET /3?size=500",
    "PUT bucket/3",
    "POST /complete",
  ]);
  assert.deepEqual(offsets, [0, 1000, 2000, 2500, 2500]);
  assert.deepEqual(bucket.content, content);
});

test("a small file is one part", async () => {
  const { bucket, done } = sending(10);

  await done;

  assert.deepEqual(bucket.log, ["GET /1?size=10", "PUT bucket/1", "POST /complete"]);
});

test("parts that are stored already are not sent again", async () => {
  const { content, bucket, done } = sending(3 * PART, { isNew: false, there: [1, 3] });

  await done;

  assert.deepEqual(bucket.log, ["GET", "GET /2?size=1000", "PUT bucket/2", "POST /complete"]);
  assert.deepEqual(bucket.content, content);
});

test("a part of another size is sent again", async () => {
  const { bucket, content, done } = sending(2 * PART, { isNew: false, there: [1] });
  bucket.stored.set(1, content.subarray(0, 400));

  await done;

  assert.deepEqual(bucket.content, content);
});

test("a file that the server has acknowledged is not sent again", async () => {
  const { bucket, done } = sending(PART, { isNew: false });
  bucket.isFinished = true;

  await done;

  assert.deepEqual(bucket.log, ["GET"]);
});

test("a part is not sent again if only its response was lost", async () => {
  const loseResponse = (respond) => (respond(), reply(0));
  const { bucket, done } = sending(2 * PART, { faults: [null, loseResponse] });

  await done;

  assert.equal(bucket.log.filter((line) => line === "PUT bucket/1").length, 1);
});

test("completion is detected if only its response was lost", async () => {
  const loseResponse = (respond) => (respond(), reply(0));
  const { bucket, done } = sending(PART, { faults: [null, null, loseResponse] });

  await done;

  assert.deepEqual(bucket.log.slice(2), ["POST /complete", "GET"]);
});

for (const [condition, fault] of [
  ["the bucket is busy", reply(503)],
  ["its URL has expired", reply(403)],
  ["the bucket does not know the upload", reply(404)],
  ["it stalls", () => Promise.reject(new Stalled())],
]) {
  test(`a part is sent again when ${condition}`, async () => {
    const { content, bucket, done } = sending(2 * PART, { faults: [null, fault] });

    await done;

    assert.deepEqual(bucket.content, content);
  });
}

test("a part that the bucket lost is sent again", async () => {
  const { content, bucket, done } = sending(2 * PART, { faults: [null, null, null, null, (respond) => (bucket.stored.delete(1), respond())] });

  await done;

  assert.deepEqual(bucket.log.slice(4), ["POST /complete", "GET", "GET /1?size=1000", "PUT bucket/1", "POST /complete"]);
  assert.deepEqual(bucket.content, content);
});

test("an hour without network uses up no retry", async () => {
  const { content, bucket, done } = sending(2 * PART, {
    faults: Array.from({ length: 30 }, () => 0),
    probes: Array.from({ length: 30 }, () => "unreachable"),
  });

  await done;

  assert.deepEqual(bucket.content, content);
});

test("completion is requested again until a worker has verified the file", async () => {
  const { bucket, done } = sending(PART, {});
  bucket.checking = 2;

  await done;

  assert.equal(bucket.log.filter((line) => line === "POST /complete").length, 3);
});

test("a bucket that the browser never reached counts as unreachable although the server responds", async () => {
  const loseRequest = (respond) => (respond(), bucket.stored.clear(), reply(0));
  const { bucket, done } = sending(PART, { faults: Array.from({ length: 12 }, (_, n) => (n % 3 === 1 ? loseRequest : null)) });

  await assert.rejects(done, BucketUnreachable);
});

test("an upload fails if the bucket keeps responding with errors", async () => {
  const { done } = sending(PART, { faults: Array.from({ length: 60 }, (_, n) => (n % 3 === 1 ? 500 : null)), hasAnswered: true });

  await assert.rejects(done, (error) => error instanceof RetriesExhausted && error.message === "The bucket responded with status 500.");
});

test("an upload that arrived damaged can be retried", async () => {
  const damage = (respond) => (respond(), bucket.stored.set(1, randomBytes(PART)), reply(200));
  const { bucket, done } = sending(PART, { faults: [null, damage] });

  await assert.rejects(done, RetriesExhausted);
});

test("a permanent rejection has the message of the server", async () => {
  const rejection = reply(422, null, { error: "too-large", message: "It is too large." });
  const { done } = sending(PART, { faults: [rejection] });

  await assert.rejects(done, (error) => error instanceof UploadRejected && error.message === "It is too large.");
});

test("an upload that has ended is gone", async () => {
  const { done } = sending(PART, { faults: [reply(410, null, { error: "gone", message: "" })] });

  await assert.rejects(done, UploadGone);
});

test("a pause stops the upload immediately", async () => {
  const { stop, bucket, done } = sending(3 * PART, { faults: [null, () => (stop.abort(new Error("paused")), Promise.reject(stop.signal.reason))] });

  await assert.rejects(done, /paused/);
  assert.equal(bucket.stored.size, 0);
});

test("files are sent through the server once the bucket is unreachable", async () => {
  const content = randomBytes(10);
  const log = [];
  let storedBytes = 0;
  const request = async (method, url, { body, headers } = {}) => {
    log.push(`${method} ${url}`);
    if (url.startsWith("https:")) return reply(0);
    if (url === "/parts") return reply(200, null, []);
    if (url.startsWith("/parts/")) return reply(200, null, { url: "https://bucket.example/1" });
    if (method === "PATCH") storedBytes = Number(headers["Upload-Offset"]) + body.size;
    return reply(200, storedBytes);
  };
  const transport = {
    request,
    connection: new Connection(async () => "open", BACKOFF),
    bucket: { hasAnswered: false, isUnreachable: false },
    chunkSize: { bytes: 100, acknowledged() {} },
    hashPart: async () => new Uint8Array(32),
    backoffOptions: BACKOFF,
  };
  const item = { file: new Blob([content]), upload: "/uploads/1/", parts: "/parts", partBytes: PART };
  const send = () => sendFile({ item, offset: 0, checksum: async () => "", transport });

  await send();
  const [before, first] = [log.length, log.slice(-2)];
  storedBytes = 0;
  await send();

  assert.deepEqual(first, ["HEAD /uploads/1/", "PATCH /uploads/1/"]);
  assert.deepEqual(log.slice(before), ["HEAD /uploads/1/", "PATCH /uploads/1/"]);
});
