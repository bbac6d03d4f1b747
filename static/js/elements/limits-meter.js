/* <limits-meter>: measures from the browser what requests can pass, in front of every proxy, before the server measures from its own side.

   Without JavaScript its form works too, and the server alone measures. The results are sent as fields of the form. */
import { csrfToken } from "../csrf.js";
import { bytes } from "../format.js";

const MIN_BUFFERING_BYTES = 16 << 20; // less fits into the socket buffers between browser and server, whether a proxy buffers or not
const BUFFERING_FRACTION = 0.75;
const BUSY_MS = 1000;
const SLOW_MS = 15000;
const PRECISION = 32;

class NotMeasurable extends Error {}

class LimitsMeter extends HTMLElement {
  #stop = new AbortController();

  connectedCallback() {
    this.addEventListener("submit", this.#onSubmit, { signal: this.#stop.signal });
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  #onSubmit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      this.#addFields(form, await this.#measure());
      this.#show("Running server checks…");
      form.submit();
    } catch (error) {
      if (!(error instanceof NotMeasurable)) throw error;
      this.#show(error.message);
      button.disabled = false;
    }
  };

  async #measure() {
    const first = await this.#send(1);
    if (first.status === 0) throw new NotMeasurable("Can't reach the server. Try again.");
    if (first.isRejected) throw new NotMeasurable("You're signed out. Reload the page to sign in.");
    if (!first.passed) return {}; // a proxy responds: the server's own measurement shows which
    const { first: firstBytes, min, max } = this.dataset;
    const bounds = { first: Number(firstBytes), min: Number(min), max: Number(max) };
    const limit = await largestRequest((size) => this.#probe(size), bounds);
    return { largest: limit.bytes, refusal: limit.status ?? "", buffers: await this.#isBuffered(limit.bytes), server: first.server };
  }

  /** Sends a request of this size, and once more if the connection broke: one break may be an accident, two are a limit. */
  async #probe(size) {
    this.#show(`Testing a ${bytes(size)} request…`);
    const result = await this.#send(size);
    return result.status ? result : this.#send(size);
  }

  /** "yes" if a proxy buffers requests, "no" if not, "" if unknown. The server reads nothing for a while: a browser that can send everything
      meanwhile sends it to a proxy. */
  async #isBuffered(size) {
    const hold = Number(this.dataset.hold);
    if (size < MIN_BUFFERING_BYTES || !hold) return "";
    this.#show("Checking for proxy buffering…");
    const result = await this.#send(size, `?hold=${hold}`);
    if (!result.passed) return "";
    return result.msAfterSent > hold * 1000 * BUFFERING_FRACTION ? "yes" : "no";
  }

  async #send(size, query = "") {
    for (;;) {
      const result = await sendZeros(this.dataset.probe + query, size);
      if (result.status !== 429) return result;
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }

  #addFields(form, fields) {
    for (const [name, value] of Object.entries({ ...fields, now: Date.now() })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  }

  #show(text) {
    const element = this.querySelector("[data-message]");
    element.textContent = text;
    element.hidden = false;
  }
}

/** The largest request size that passes, found by doubling and then bisecting. Pure: `send(size)` resolves with {passed, status, ms}. The server
    measures in the same way (processing/doctor/request_size.py).

    Resolves with {bytes, status}: the status is that of the next larger request, or null if none was rejected. */
export async function largestRequest(send, { first, min, max }) {
  let passed = 0;
  for (let size = first; size <= max; size *= 2) {
    const result = await send(size);
    if (!result.passed) return bisect(send, passed, size, result.status, min);
    passed = size;
    if (result.ms > SLOW_MS) break;
  }
  return { bytes: passed, status: null };
}

async function bisect(send, passed, rejected, status, min) {
  while (rejected - passed > Math.max(min, passed / PRECISION)) {
    const size = Math.floor((passed + rejected) / 2 / min) * min;
    if (size <= passed || size >= rejected) break;
    const result = await send(size);
    if (result.passed) passed = size;
    else [rejected, status] = [size, result.status];
  }
  return { bytes: passed, status };
}

/** Posts `size` zeros by XMLHttpRequest: fetch() does not report when everything is sent. */
function sendZeros(url, size) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    const startedAt = performance.now();
    let sentAt = startedAt;
    xhr.upload.addEventListener("load", () => (sentAt = performance.now()));
    xhr.addEventListener("loadend", () => {
      const now = performance.now();
      const { status } = xhr;
      const passed = status === 200 && receivedBytes(xhr) === size;
      const isRejected = !passed && xhr.getResponseHeader("X-Darkroom-Probe") !== null;
      const server = xhr.getResponseHeader("Server") ?? "";
      resolve({ passed, isRejected, status, ms: now - startedAt, msAfterSent: now - sentAt, server });
    });
    xhr.open("POST", url);
    xhr.setRequestHeader("X-CSRFToken", csrfToken());
    xhr.send(zeros(size));
  });
}

function receivedBytes(xhr) {
  try {
    return JSON.parse(xhr.responseText).bytes;
  } catch {
    return null; // the response is a proxy's
  }
}

/** A Blob that repeats one piece: the browser keeps it outside the page's memory. */
function zeros(size) {
  const piece = new Uint8Array(Math.min(size, 1 << 20));
  return new Blob(Array(Math.ceil(size / piece.length)).fill(piece)).slice(0, size);
}

customElements.define("limits-meter", LimitsMeter);
