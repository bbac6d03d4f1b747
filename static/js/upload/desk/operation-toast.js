/* The toast of an operation that an upload began on the server, with its progress and Undo. */

const shown = new Set();

/** Shows the operation with this URL, once. */
export async function showOperation(url) {
  if (shown.has(url)) return;
  shown.add(url);
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  const response = await fetch(url, { headers }).catch(() => null);
  if (!response?.ok) return;
  const html = await response.text();
  const list = document.getElementById("toasts");
  const toast = list.querySelector("template").content.firstElementChild.cloneNode(true);
  toast.classList.add("toast--success");
  toast.querySelector(".toast__text").innerHTML = html;
  list.replaceToasts([toast]);
  window.htmx?.process(toast);
}
