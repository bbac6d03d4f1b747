/* The page that offers the albums to move or copy photos to, as a dialog. */

import { isUploading, submitInPlace } from "./submit.js";

/** Opens the dialog with the page at the URL. Returns false if the page cannot be shown as one. Closing moves the focus to the opener. */
export async function openTargets(url, fields, opener) {
  const form = await fetchForm(url, fields);
  if (!form) return false;
  const dialog = Object.assign(document.createElement("dialog"), { className: "dialog" });
  dialog.setAttribute("aria-labelledby", "chooser-heading");
  dialog.append(form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus(); // it was disabled when the dialog opened, so the browser does not remember it
  });
  prepare(form, dialog);
  document.body.append(dialog);
  htmx.process(dialog);
  dialog.showModal();
  form.querySelector("[data-find]").focus();
  return true;
}

async function fetchForm(url, fields) {
  try {
    const response = await fetch(url, { method: "POST", body: fields, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return response.ok ? document.importNode(page.querySelector("form.chooser"), true) : null;
  } catch {
    return null;
  }
}

function prepare(form, dialog) {
  const find = form.querySelector("[data-find]");
  const title = form.querySelector("[data-title]");
  const isNew = form.querySelector("[data-new]");
  form.querySelector("[data-filter]").remove(); // the list is filtered while the user types
  form.querySelector("[data-cancel]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  form.addEventListener("submit", (event) => {
    if (!isUploading()) return;
    event.preventDefault();
    submitInPlace(form, form.action, event.submitter);
  });
  title.addEventListener("input", () => (isNew.checked = true));
  isNew.addEventListener("change", () => title.focus());
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const first = form.querySelector("[name=target]");
    first.checked = true;
    first.focus();
  });
}
