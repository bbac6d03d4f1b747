/* One request, by XMLHttpRequest: fetch cannot tell how many bytes of a body have gone. */

import { csrfToken } from "../../csrf.js";

/** Nothing moved for too long, so the request was given up. */
export class Stalled extends Error {}

/** Resolves with what was answered; its status is 0 when nothing was. Rejects with Stalled, or the signal's reason.

    The CSRF token is read for each request, since it changes when somebody signs in in another tab. */
export function request(method, url, { headers = {}, body = null, signal, onSent, stallMs = 60_000 } = {}) {
  return new Promise((done, failed) => {
    if (signal?.aborted) return failed(signal.reason);
    const xhr = new XMLHttpRequest();
    let [timer, reason] = [0, null];
    const giveUp = (why) => {
      reason = why;
      xhr.abort();
    };
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => giveUp(new Stalled()), stallMs);
    };
    const stop = () => giveUp(signal.reason);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      if (reason) failed(reason);
      else done(answer(xhr));
    };
    xhr.open(method, url);
    if (isOurs(url)) xhr.setRequestHeader("X-CSRFToken", csrfToken()); // the bucket is not to know it
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => {
      watch();
      onSent?.(loaded);
    };
    xhr.onreadystatechange = watch;
    xhr.onloadend = settle;
    signal?.addEventListener("abort", stop, { once: true });
    watch();
    xhr.send(body);
  });
}

function answer(xhr) {
  return {
    status: xhr.status,
    url: xhr.responseURL,
    header: (name) => xhr.getResponseHeader(name),
    get json() {
      try {
        return JSON.parse(xhr.responseText);
      } catch {
        return null;
      }
    },
  };
}

function isOurs(url) {
  return new URL(url, location.href).origin === location.origin;
}
