/* Shows what an action on the page has done, as a newly loaded page does. */

/** Shows the toast that the server rendered. */
export function showToast(html) {
  const notice = Object.assign(document.createElement("div"), { className: "notice notice--success", innerHTML: html });
  show(notice);
  window.htmx?.process(notice);
}

export function showError(text) {
  show(Object.assign(document.createElement("div"), { className: "notice notice--error", textContent: text }));
}

function show(notice) {
  let list = document.querySelector(".messages");
  if (!list) {
    list = Object.assign(document.createElement("div"), { className: "messages" });
    list.setAttribute("role", "status");
    document.getElementById("content").prepend(list);
  }
  list.replaceChildren(notice);
}
