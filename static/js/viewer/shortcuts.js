/* The keyboard shortcuts of the viewer. */
import { isTyping } from "../typing.js";

const ACTIONS = {
  ArrowLeft: "previous",
  ArrowRight: "next",
  " ": "slideshow",
  f: "fullscreen",
  i: "details",
  z: "actual-size",
  p: "play",
  e: "edit",
  r: "rotate-right",
  R: "rotate-left",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  Delete: "delete",
  Escape: "close",
  "?": "shortcuts",
};
const REPEATABLE = ["previous", "next", "zoom-in", "zoom-out"];
const WITH_SHIFT = ["shortcuts", "zoom-in", "rotate-left"]; // many keyboards need Shift for the first two characters
const PRESSED_BY_SPACE = "button, summary, input, video";

/** The action of a keydown event: a name above, "rate-0" to "rate-5", "move-left" and so on, or "" if the key is no shortcut here. Pure. */
export function shortcut({ key, target, repeat, altKey, ctrlKey, metaKey, shiftKey, isComposing, defaultPrevented }) {
  if (defaultPrevented || isComposing || altKey || ctrlKey || metaKey) return "";
  if (isTyping(target)) return "";
  if (key === " " && target?.closest?.(PRESSED_BY_SPACE)) return "";
  const direction = /^Arrow(.*)/.exec(key)?.[1].toLowerCase();
  if (shiftKey && direction) return `move-${direction}`;
  const name = shiftKey && ACTIONS[key.toUpperCase()] ? key.toUpperCase() : key.length === 1 ? key.toLowerCase() : key;
  const action = /^[0-5]$/.test(key) ? `rate-${key}` : (ACTIONS[name] ?? "");
  if (shiftKey && !WITH_SHIFT.includes(action)) return "";
  // A key that is held must not delete one photo after the other.
  return repeat && !REPEATABLE.includes(action) ? "" : action;
}
