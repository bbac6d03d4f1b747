import assert from "node:assert/strict";
import test from "node:test";
import { shortcut } from "../../../static/js/viewer/shortcuts.js";

/** A keydown on an element that matches these selectors. */
const press = (key, options = {}, ...selectors) =>
  shortcut({ key, target: { closest: (selector) => selectors.some((each) => selector.split(", ").some((part) => part.startsWith(each))) }, ...options });

test("keys are shortcuts, in lower and upper case", () => {
  const keys = ["ArrowLeft", "ArrowRight", " ", "f", "F", "i", "z", "+", "=", "-", "Delete", "Escape", "0", "5", "e", "r", "R"];
  assert.deepEqual(keys.map((key) => press(key)), [
    ...["previous", "next", "slideshow", "fullscreen", "fullscreen", "details", "actual-size", "zoom-in", "zoom-in", "zoom-out"],
    ...["delete", "close", "rate-0", "rate-5", "edit", "rotate-right", "rotate-right"],
  ]);
});

test("other keys are not", () => {
  assert.deepEqual(["6", "a", "Enter", "Tab", "ArrowUp"].map((key) => press(key)), ["", "", "", "", ""]);
});

test("no key is a shortcut while the user types or composes a character", () => {
  for (const field of ["input", "textarea", "[contenteditable]"]) assert.equal(press("f", {}, field), "");
  assert.equal(press("f", { isComposing: true }), "");
  assert.equal(press("f", { defaultPrevented: true }), "");
});

test("no key is a shortcut with a modifier, except Shift where a keyboard needs it", () => {
  for (const modifier of ["altKey", "ctrlKey", "metaKey"]) assert.equal(press("ArrowLeft", { [modifier]: true }), "");
  assert.equal(press("F", { shiftKey: true }), "");
  assert.deepEqual([press("?", { shiftKey: true }), press("+", { shiftKey: true })], ["shortcuts", "zoom-in"]);
  assert.equal(press("E", { shiftKey: true }), "");
});

test("Shift turns to the other side", () => {
  assert.deepEqual(["R", "r"].map((key) => press(key, { shiftKey: true })), ["rotate-left", "rotate-left"]);
});

test("Shift with an arrow moves the picture", () => {
  assert.equal(press("ArrowUp", { shiftKey: true }), "move-up");
});

test("Space presses the button that has the focus", () => {
  assert.equal(press(" ", {}, "button"), "");
  assert.equal(press("f", {}, "button"), "fullscreen");
});

test("a key that is held browses and zooms, but does not delete further photos", () => {
  const held = ["ArrowRight", "+", "Delete", "f", "3"].map((key) => press(key, { repeat: true }));
  assert.deepEqual(held, ["next", "zoom-in", "", "", ""]);
  assert.equal(press("ArrowLeft", { repeat: true, shiftKey: true }), "move-left");
});
