/* Ctrl+Z or Cmd+Z, and Z where it has no other meaning, submit the newest form with Undo. */
import { isTyping } from "../typing.js";

document.addEventListener("keydown", (event) => {
  if (!isUndo(event) || isTyping(event.target)) return;
  const form = [...document.querySelectorAll("form[data-undo]")].at(-1);
  if (!form) return;
  event.preventDefault();
  form.requestSubmit();
});

function isUndo({ key, ctrlKey, metaKey, altKey, shiftKey, repeat, defaultPrevented }) {
  if (key.toLowerCase() !== "z" || altKey || shiftKey || repeat || defaultPrevented) return false;
  return ctrlKey || metaKey || !document.querySelector("photo-viewer");
}
