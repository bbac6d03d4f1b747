/* <limits-meter>: measures from the browser, where the true front door is, before the server measures from its side.

   Its form works without: then the server alone measures. What is found goes along as fields of that form. */
import { csrfToken } from "../csrf.js";
import { bytes } from "../format.js";

const ENOUGH_TO_TELL = 16 << 20; // less fits into the buffers of the sockets on the way, held back or not
const HELD = 0.75;
const BUSY_MS = 1000;
const SLOW_MS = 15000;
const GRAIN = 32;

class Gone extends Error {}

class LimitsMeter extends HTMLElement {
  #stop = new AbortController();

  connectedCallback() {
    this.addEventListener("submit", this.#measure, { signal: this.#stop.signal });
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  #measure = async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      this.#fill(form, await this.#look());
      this.#say("Now the server measures from its side…");
      form.submit();
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      this.#say(error.message);
      button.disabled = false;
    }
  };

  async #look() {
    const hello = await this.#send(1);
    if (hello.status === 0) throw new Gone("The server does not answer. Try again in a moment.");
    if (hello.isRefused) throw new Gone("You have been signed out. Reload the page.");
    if (!hello.passed) return {}; // somebody in between answers: the server's part tells what it is
    const { first, least, most } = Object.fromEntries(Object.entries(this.dataset).map(([name, value]) => [name, Number(value)]));
    const found = await largest((size) => this.#tell(size), { first, least, most });
    return { largest: found.bytes, refusal: found.refusal ?? "", buffers: await this.#buffers(found.bytes), server: hello.server };
  }

  /** A connection that ends may be a limit, or an accident: only what happens twice counts. */
  async #tell(size) {
    this.#say(`Trying a request of ${bytes(size)}…`);
    const answer = await this.#send(size);
    return answer.status ? answer : this.#send(size);
  }

  /** The server reads nothing for a while: who could send all the same was served by somebody in between. */
  async #buffers(most) {
    const hold = Number(this.dataset.hold);
    if (most < ENOUGH_TO_TELL || !hold) return "";
    this.#say("Seeing whether requests are held back on the way…");
    const answer = await this.#send(most, `?hold=${hold}`);
    if (!answer.passed) return "";
    return answer.msAfterSent > hold * 1000 * HELD ? "yes" : "no";
  }

  async #send(size, query = "") {
    for (;;) {
      const answer = await sent(this.dataset.probe + query, size);
      if (answer.status !== 429) return answer;
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }

  #fill(form, fields) {
    for (const [name, value] of Object.entries({ ...fields, now: Date.now() })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  }

  #say(words) {
    const note = this.querySelector("[data-says]");
    note.textContent = words;
    note.hidden = false;
  }
}

/** A body of zeros, by XMLHttpRequest: fetch() does not tell when all is sent. */
function sent(address, size) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const began = performance.now();
    let whole = began;
    request.upload.addEventListener("load", () => (whole = performance.now()));
    request.addEventListener("loadend", () => {
      const now = performance.now();
      const { status } = request;
      const passed = status === 200 && counted(request) === size;
      const isRefused = !passed && request.getResponseHeader("X-Darkroom-Probe") !== null;
      const server = request.getResponseHeader("Server") ?? "";
      resolve({ passed, isRefused, status, ms: now - began, msAfterSent: now - whole, server });
    });
    request.open("POST", address);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.send(zeros(size));
  });
}

function counted(request) {
  try {
    return JSON.parse(request.responseText).bytes;
  } catch {
    return null; // somebody in between has answered
  }
}

/** Made of one piece many times over: the browser keeps it outside the page's memory. */
function zeros(size) {
  const piece = new Uint8Array(Math.min(size, 1 << 20));
  return new Blob(Array(Math.ceil(size / piece.length)).fill(piece)).slice(0, size);
}

customElements.define("limits-meter", LimitsMeter);

/** `send(size)` resolves to {passed, status, ms}. Answers {bytes, refusal}: the status that the next larger met, null if none was met. */
export async function largest(send, { first, least, most }) {
  let passed = 0;
  for (let size = first; size <= most; size *= 2) {
    const answer = await send(size);
    if (!answer.passed) return between(send, passed, size, answer.status, least);
    passed = size;
    if (answer.ms > SLOW_MS) break;
  }
  return { bytes: passed, refusal: null };
}

async function between(send, low, high, refusal, least) {
  while (high - low > Math.max(least, low / GRAIN)) {
    const size = Math.floor((low + high) / 2 / least) * least;
    if (size <= low || size >= high) break;
    const answer = await send(size);
    if (answer.passed) low = size;
    else [high, refusal] = [size, answer.status];
  }
  return { bytes: low, refusal };
}
