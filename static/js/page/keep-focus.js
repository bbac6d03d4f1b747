/* After a form that was submitted by keyboard has loaded a page, the focus is on the same control again, or on the first field with an error, or
   else at the beginning of the page's content: browsers would begin at the top, before the navigation. */
import { keepFocus, takeFocus } from "../kept-focus.js";

// On the window, after all listeners that handle a form without leaving the page.
addEventListener("submit", ({ defaultPrevented, submitter }) => {
  const { activeElement } = document;
  if (!defaultPrevented && activeElement?.matches(":focus-visible")) keepFocus(submitter?.id || activeElement.id);
});

function restoreFocus() {
  const id = takeFocus();
  if (id === null || document.activeElement !== document.body || location.hash || document.querySelector("[autofocus]")) return;
  const control = document.querySelector("main [aria-invalid=true]") ?? document.getElementById(id);
  if (control?.checkVisibility()) control.focus();
  else document.querySelector("main")?.focus({ preventScroll: true });
}

restoreFocus();
