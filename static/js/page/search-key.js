/* The key / moves the focus to the field of the search; on phones, where there is none, it opens the page of the search. Escape leaves the
   field, and removes the number of photos found. */
import { isTyping } from "../typing.js";

const FIELD = "[data-search-field]";

document.addEventListener("keydown", (event) => {
  if (event.target.matches?.(FIELD)) return onFieldKey(event);
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const field = document.querySelector(FIELD);
  if (!field || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (!field.checkVisibility()) return location.assign(field.form.action);
  field.focus();
  field.select();
});

function onFieldKey({ key, target }) {
  if (key === "Escape" && !target.value) target.blur();
}
