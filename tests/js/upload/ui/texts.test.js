import assert from "node:assert/strict";
import test from "node:test";
import { FileStore, totals } from "../../../../static/js/upload/state/file-store.js";
import { announcement, snapshot } from "../../../../static/js/upload/ui/announcements.js";
import { percent } from "../../../../static/js/upload/ui/progress-bar.js";
import { connectionProblem, fileStatus, outcomeCounts, preflightCounts, progressDetail, title } from "../../../../static/js/upload/ui/texts.js";

const item = (properties) => new FileStore().add([{ size: 1000, ...properties }])[0];
const sum = (...states) => totals(new FileStore().add(states.map((state) => ({ state, size: 1000, offset: state === "received" ? 1000 : 0 }))));

test("the status of a row describes its stage", () => {
  const texts = [
    { state: "chosen", hashedBytes: 400 },
    { state: "waiting" },
    { state: "waiting", offset: 430 },
    { state: "sending", offset: 400, inFlight: 30 },
    { state: "sending", offset: 400, inFlight: 900 },
    { state: "received" },
    { state: "received", photo: "/photos/1/" },
    { state: "received", message: "failed: The file is damaged." },
    { state: "here", message: "This very picture is already in the album." },
    { state: "refused", message: "The file is empty." },
    { state: "failed", message: "The server stumbled." },
    { state: "missing", offset: 430 },
    { state: "later", serverState: "here" },
  ].map((properties) => fileStatus(item(properties)));
  assert.deepEqual(texts, [
    "checking, 40 %",
    "waiting",
    "waiting, 43 % uploaded",
    "uploading, 43 %",
    "saving",
    "uploaded, processing",
    "in album",
    "failed: The file is damaged.",
    "This very picture is already in the album.",
    "rejected: The file is empty.",
    "failed: The server stumbled.",
    "43 % uploaded, file needed",
    "queued, already in album",
  ]);
});

test("the title describes the state of the upload", () => {
  const texts = (state, ...states) => title(sum(...states), { isPaused: false, isIdle: false, ...state });
  assert.equal(texts({}, "chosen", "chosen"), "2 photos selected, 2.0 KB");
  assert.equal(texts({}, "sending", "received", "later"), "Uploading 2 photos");
  assert.equal(texts({ isPaused: true }, "waiting", "received"), "Paused");
  assert.equal(texts({ isIdle: true }, "received", "here", "here"), "Upload complete");
  assert.equal(outcomeCounts(sum("received", "here", "here")), "1 uploaded, 2 already in album");
  assert.equal(texts({ isIdle: true }, "received", "failed"), "1 photo failed to upload");
  assert.equal(texts({ isIdle: true }, "received", "missing"), "Waiting for files", "found again after a reload, not chosen yet");
});

test("the line below the title contains progress, speed and remaining time", () => {
  assert.equal(progressDetail(sum("received", "sending"), null, null), "1 of 2 uploaded · 1000 bytes of 2.0 KB");
  assert.equal(progressDetail(sum("received", "sending"), 100, null), "1 of 2 uploaded · 1000 bytes of 2.0 KB · 100 bytes/s");
  assert.equal(progressDetail(sum("received", "sending"), 100, 87), "1 of 2 uploaded · 1000 bytes of 2.0 KB · 100 bytes/s · about a minute left");
  assert.equal(progressDetail(sum("chosen"), 100, 87), "");
});

test("the result of the preflight counts new files, known ones and those in the trash", () => {
  const items = ["new", "elsewhere", "here", "here", "trash", undefined].map((serverState) => ({ serverState }));
  assert.equal(preflightCounts(items, 1), "2 new, 2 already in album, 1 in trash, 1 being checked");
});

test("the message for each connection problem says what happens next", () => {
  for (const state of ["offline", "unreachable", "signed-out", "busy"]) assert.match(connectionProblem(state), /automatically|resumes/);
  assert.equal(connectionProblem("open"), undefined);
});

test("milestones are announced, single files are not", () => {
  const at = (states, more = {}) => snapshot(sum(...states), { isPaused: false, connection: "open", ...more });
  const begun = at(["sending", "waiting", "waiting", "waiting"]);
  const quarter = at(["received", "sending", "waiting", "waiting"]);
  assert.equal(announcement(at([]), begun), "Uploading 4 photos.");
  assert.equal(announcement(begun, begun), "");
  assert.equal(announcement(begun, quarter), "25 % uploaded.");
  assert.equal(announcement(begun, at(["sending"], { isPaused: true })), "Paused.");
  assert.equal(announcement(begun, at(["sending"], { connection: "offline" })), connectionProblem("offline"));
  assert.equal(announcement(at(["sending"], { connection: "offline" }), begun), "Upload resumed.");
  assert.equal(announcement(quarter, at(["received", "received", "failed"])), "Upload complete: 2 uploaded, 1 failed.");
  assert.equal(announcement(begun, at(["cancelled", "cancelled"])), "Upload cancelled.");
  assert.equal(announcement(quarter, at(["received", "missing"])), "Waiting for 1 file.", "not all were chosen again");
});

test("bytes sent by the page move the progress bar forward, but never to its end", () => {
  const panel = { bytesTotal: 1000, bytesArrived: 200 };
  assert.equal(percent(panel, 100), 20);
  assert.equal(percent(panel, 400), 40);
  assert.equal(percent(panel, 5000), 99);
  assert.equal(percent({ bytesTotal: 0, bytesArrived: 0 }, 400), 0);
});
