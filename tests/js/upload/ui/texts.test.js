import assert from "node:assert/strict";
import test from "node:test";
import { Ledger, totals } from "../../../../static/js/upload/state/file-store.js";
import { moment, news } from "../../../../static/js/upload/ui/announcements.js";
import { percent } from "../../../../static/js/upload/ui/progress-bar.js";
import { comparison, detail, stage, title, trouble } from "../../../../static/js/upload/ui/texts.js";

const item = (known) => new Ledger().add([{ size: 1000, ...known }])[0];
const sum = (...states) => totals(new Ledger().add(states.map((state) => ({ state, size: 1000, offset: state === "received" ? 1000 : 0 }))));

test("a row says its stage in words", () => {
  const said = [
    { state: "chosen", hashed: 400 },
    { state: "waiting" },
    { state: "waiting", offset: 430 },
    { state: "sending", offset: 400, inFlight: 30 },
    { state: "sending", offset: 400, inFlight: 900 },
    { state: "received" },
    { state: "received", photo: "/photos/1/" },
    { state: "received", words: "failed: The file is damaged." },
    { state: "here", words: "This very picture is already in the album." },
    { state: "refused", words: "The file is empty." },
    { state: "failed", words: "The server stumbled." },
    { state: "missing", offset: 430 },
    { state: "later", hint: "already here" },
  ].map((known) => stage(item(known)));
  assert.deepEqual(said, [
    "checking, 40 %",
    "waiting",
    "waiting, 43 % sent",
    "sending, 43 %",
    "saving",
    "uploaded, processing",
    "in the album",
    "failed: The file is damaged.",
    "This very picture is already in the album.",
    "refused: The file is empty.",
    "failed: The server stumbled.",
    "43 % is here, choose it again",
    "next batch, already here",
  ]);
});

test("the title says what is going on", () => {
  const said = (state, ...states) => title(sum(...states), { isPaused: false, isResting: false, ...state });
  assert.equal(said({}, "chosen", "chosen"), "2 photos chosen, 2.0 KB");
  assert.equal(said({}, "sending", "received", "later"), "Sending 2 photos");
  assert.equal(said({ isPaused: true }, "waiting", "received"), "Paused");
  assert.equal(said({ isResting: true }, "received", "here", "here"), "All sent: 1 received, 2 already here");
  assert.equal(said({ isResting: true }, "received", "failed"), "1 photo could not be sent");
  assert.equal(said({ isResting: true }, "received", "missing"), "Still to come", "found again after a reload, not chosen yet");
});

test("the line below tells how far and how fast", () => {
  assert.equal(detail(sum("received", "sending"), null, null), "1 of 2 sent · 1000 bytes of 2.0 KB");
  assert.equal(detail(sum("received", "sending"), 100, null), "1 of 2 sent · 1000 bytes of 2.0 KB · 100 bytes/s");
  assert.equal(detail(sum("received", "sending"), 100, 87), "1 of 2 sent · 1000 bytes of 2.0 KB · 100 bytes/s · about a minute left");
  assert.equal(detail(sum("chosen"), 100, 87), "");
});

test("a comparison counts what is new, here and in the trash", () => {
  const standings = ["new", "elsewhere", "here", "here", "trash", undefined].map((standing) => ({ standing }));
  assert.equal(comparison(standings, 1), "2 new, 2 here already, 1 in the trash, 1 still being checked");
});

test("each trouble says what happens next", () => {
  for (const state of ["offline", "away", "signed-out", "busy"]) assert.match(trouble(state), /by itself/);
  assert.equal(trouble("open"), undefined);
});

test("milestones are news, single files are not", () => {
  const at = (states, more = {}) => moment(sum(...states), { isPaused: false, line: "open", ...more });
  const begun = at(["sending", "waiting", "waiting", "waiting"]);
  const quarter = at(["received", "sending", "waiting", "waiting"]);
  assert.equal(news(at([]), begun), "Sending 4 photos.");
  assert.equal(news(begun, begun), "");
  assert.equal(news(begun, quarter), "25 % sent.");
  assert.equal(news(begun, at(["sending"], { isPaused: true })), "Paused.");
  assert.equal(news(begun, at(["sending"], { line: "offline" })), trouble("offline"));
  assert.equal(news(at(["sending"], { line: "offline" }), begun), "Sending goes on.");
  assert.equal(news(quarter, at(["received", "received", "failed"])), "All sent: 2 received, 1 failed.");
  assert.equal(news(quarter, at(["received", "missing"])), "1 photo still to come.", "not all were chosen again");
});

test("the bar is moved on by the page's own bytes, never back, and never to its end", () => {
  const panel = { bytesTotal: 1000, bytesArrived: 200, total: 10, settled: 1, told: 16 };
  assert.equal(percent(panel, 100), 16);
  assert.equal(percent(panel, 400), 25);
  assert.equal(percent({ ...panel, settled: 10 }, 5000), 99);
  assert.equal(percent({ ...panel, bytesTotal: 0 }, 400), 16);
});
