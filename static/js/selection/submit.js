/* Sends a form. While files are being uploaded, the document stays: leaving it would interrupt them. */
import { goTo } from "../upload/ui/navigation.js";

/** Whether a form has to be sent by `submitInPlace`. */
export function isUploading() {
  return Boolean(document.querySelector("upload-desk")?.hasUnsent);
}

/** Sends the form and shows the page that it names in `next`. If the server has no such page to show, sends it as usual. */
export async function submitInPlace(form, url, submitter) {
  try {
    const body = new FormData(form, submitter);
    const response = await fetch(url, { method: "POST", body, redirect: "manual" });
    if (response.type === "opaqueredirect") return goTo(body.get("next"));
  } catch {
    // The browser shows what is wrong.
  }
  return submitTo(form, url);
}

/** Gives the form a hidden field with the value; none if the value is empty. */
export function setField(form, name, value) {
  const field = form.querySelector(`[type=hidden][name=${name}]`) ?? Object.assign(document.createElement("input"), { type: "hidden", name });
  field.value = value;
  if (value) form.append(field);
  else field.remove();
}

/** Sends the form to the URL, without its submit event. */
export function submitTo(form, url) {
  form.action = url;
  form.submit();
}
