/* One HTTP request by XMLHttpRequest: fetch() reports no upload progress. */

import { csrfToken } from "../../csrf.js";

/** The request was aborted because nothing was sent or received for `stallMs`. */
export class Stalled extends Error {}

/** Resolves with the response: {status, url, header(name), json}. The status is 0 when there was no response.

    `onSent(bytes)` reports upload progress. Rejects with Stalled, or the signal's reason. The CSRF token is read for each request,
    since it changes when the person signs in again in another tab. */
export function request(method, url, { headers = {}, body = null, signal, onSent, stallMs = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const xhr = new XMLHttpRequest();
    let [timer, abortReason] = [0, null];
    const abort = (reason) => {
      abortReason = reason;
      xhr.abort();
    };
    const restartTimer = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort(new Stalled()), stallMs);
    };
    const onAbort = () => abort(signal.reason);
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      if (abortReason) reject(abortReason);
      else resolve(responseOf(xhr));
    };
    xhr.open(method, url);
    if (isSameOrigin(url)) xhr.setRequestHeader("X-CSRFToken", csrfToken()); // never to the bucket
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => {
      restartTimer();
      onSent?.(loaded);
    };
    xhr.onreadystatechange = restartTimer;
    xhr.onloadend = finish;
    signal?.addEventListener("abort", onAbort, { once: true });
    restartTimer();
    xhr.send(body);
  });
}

function responseOf(xhr) {
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

function isSameOrigin(url) {
  return new URL(url, location.href).origin === location.origin;
}
