import assert from "node:assert/strict";
import test from "node:test";
import "./dom.js";
import { announcement, readPanel } from "../../../static/js/elements/panel-announcer.js";

const idle = { busy: false, receiving: 0, total: 0, done: 0, percent: 0, added: 0, failed: 0, refused: 0, duplicates: 0, cancelled: 0 };
const busy = { ...idle, busy: true, total: 20 };

test("no announcement is made if nothing has changed", () => {
  assert.equal(announcement(idle, idle), "");
  assert.equal(announcement({ ...busy, done: 4, percent: 20 }, { ...busy, done: 5, percent: 25 }), "");
});

test("the start of processing is announced", () => {
  assert.equal(announcement(idle, busy), "Processing 20 photos.");
});

test("uploading is announced once, and its end as the start of processing", () => {
  const receiving = { ...busy, receiving: 3 };
  assert.equal(announcement(idle, receiving), "Uploading photos.");
  assert.equal(announcement(receiving, { ...receiving, receiving: 4 }), "");
  assert.equal(announcement({ ...receiving }, { ...busy, total: 1 }), "Processing 1 photo.");
});

test("progress is announced in steps of ten percent", () => {
  assert.equal(announcement({ ...busy, done: 3, percent: 15 }, { ...busy, done: 4, percent: 20 }), "4 of 20 photos processed.");
});

test("a failure is announced immediately", () => {
  assert.equal(announcement(busy, { ...busy, failed: 1, percent: 5 }), "1 photo failed to process so far.");
});

test("the announcement at the end contains all counts", () => {
  assert.equal(announcement(busy, { ...idle, added: 20 }), "Done. 20 photos added.");
  assert.equal(
    announcement(busy, { ...idle, added: 17, failed: 2, refused: 1, duplicates: 3, cancelled: 4 }),
    "Done. 17 photos added, 2 failed to process, 1 rejected, 3 already in album, 4 cancelled.",
  );
});

test("the state is read from the panel's data attributes, and is idle without a panel", () => {
  const dataset = { busy: "yes", receiving: "0", total: "20", done: "5", percent: "25", added: "5", failed: "1", refused: "0", duplicates: "2", cancelled: "3" };
  const state = { busy: true, receiving: 0, total: 20, done: 5, percent: 25, added: 5, failed: 1, refused: 0, duplicates: 2, cancelled: 3 };
  assert.deepEqual(readPanel({ dataset }), state);
  assert.equal(announcement(readPanel(undefined), idle), "");
});
