/* Shows what a move has done, in the page's toasts. */

/** Shows the toast that the server rendered. */
export function showToast(html) {
  const toasts = document.getElementById("toasts");
  toasts.show(document.createRange().createContextualFragment(html), "success");
  window.htmx?.process(toasts);
}

export function showError(text) {
  document.getElementById("toasts").show(text, "error");
}
