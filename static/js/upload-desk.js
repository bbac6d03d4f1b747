/* <upload-desk>: around the upload panel, holding what the panel cannot, since it is replaced: the chosen files.

   They come by the file dialog, by drop and by paste, go with the panel's own form, and stay chosen until the server has
   answered that it took them: whatever breaks, nobody chooses twice. While another batch is at work they wait here. */
import { add, sort } from "./choice.js";
import * as list from "./chosen-list.js";
import { filesIn, holdsFiles } from "./dropped.js";
import { plural } from "./format.js";
import { Sending } from "./sending.js";

const RETURN_AFTER_STOP_MS = 700; // the server needs a moment to notice that nothing more comes

const SIGNED_OUT = "You have been signed out.";

class UploadDesk extends HTMLElement {
  #chosen = [];
  #sending = null;
  #trouble = "";
  #depth = 0;
  #ownDrag = false;
  #stop = new AbortController();

  connectedCallback() {
    const { signal } = this.#stop;
    const on = (target, name, act, options = {}) => target.addEventListener(name, act, { signal, ...options });
    on(document, "dragstart", () => (this.#ownDrag = true));
    on(document, "dragend", () => (this.#ownDrag = false));
    on(document, "dragenter", this.#enter);
    on(document, "dragover", (event) => this.#isOffered(event.dataTransfer) && event.preventDefault());
    on(document, "dragleave", this.#leave);
    on(document, "drop", this.#drop);
    on(document, "paste", this.#paste);
    on(this, "change", (event) => event.target === this.#input && this.#choose([...event.target.files]));
    on(this, "click", this.#click);
    on(this, "submit", (event) => event.target === this.#form && this.#fill(), { capture: true });
    on(this, "htmx:beforeRequest", this.#begin);
    on(this, "htmx:xhr:progress", (event) => this.#sending?.progress(event.detail));
    on(this, "htmx:beforeSwap", letIn);
    on(this, "htmx:afterSwap", () => this.#sending || this.#show());
    on(this, "htmx:afterRequest", this.#settle);
    if (this.#input?.files.length) this.#choose([...this.#input.files]); // the browser restored them
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  get #panel() {
    return this.querySelector("#upload-panel");
  }

  get #form() {
    return this.querySelector("#upload-form");
  }

  get #input() {
    return this.querySelector("#upload-photos");
  }

  get #limits() {
    return { maxFiles: Number(this.#panel.dataset.maxFiles), maxBytes: Number(this.#panel.dataset.maxBytes) };
  }

  #choose(files) {
    this.#chosen = add(this.#chosen, files);
    this.#trouble = "";
    this.#show();
  }

  #show() {
    const form = this.#form;
    if (form) {
      list.show(form, this.#chosen, this.#fill(), this.#limits);
      // After a failure only "Send again" sends: this form's token may have become a batch already, unheard.
      if (this.#sending || this.#trouble) form.querySelector("[data-send]").removeAttribute("data-ready");
    }
    this.#hold(form);
  }

  /** Put what can go now into the form's own input. */
  #fill() {
    const sorted = sort(this.#chosen, this.#limits);
    const transfer = new DataTransfer();
    sorted.ready.forEach((file) => transfer.items.add(file));
    this.#input.files = transfer.files;
    return sorted;
  }

  /** Outside the panel: what broke, or what waits for the album to be free. */
  #hold(form) {
    const photos = plural(this.#chosen.length, "photo");
    const waiting = `${photos} chosen. ${this.#chosen.length === 1 ? "It" : "They"} can be sent when this batch is done.`;
    const note = this.#part("held");
    note.hidden = !this.#chosen.length || (Boolean(form) && !this.#trouble);
    const words = form ? `${this.#trouble} Your ${photos} ${this.#chosen.length === 1 ? "is" : "are"} still chosen.` : waiting;
    if (!note.hidden && this.#part("held-words").textContent !== words) this.#part("held-words").textContent = words;
    this.#part("resend").hidden = !form;
  }

  #click = ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.matches(".choice__drop")) this.#remove(button);
    else if ("stop" in button.dataset) this.#sending?.stop();
    else if ("resend" in button.dataset) this.#sendAgain();
    else if ("forget" in button.dataset || "letGo" in button.dataset) this.#forget();
  };

  #remove(button) {
    const file = list.fileOf(button);
    const next = button.closest(".choice").nextElementSibling ?? button.closest(".choice").previousElementSibling;
    this.#chosen = this.#chosen.filter((one) => one !== file);
    this.#show();
    (next?.querySelector(".choice__drop") ?? this.#input)?.focus();
  }

  #forget() {
    this.#chosen = [];
    this.#trouble = "";
    this.#show();
    this.#input?.focus();
  }

  #begin = ({ detail }) => {
    if (detail.requestConfig.verb === "get") return;
    this.querySelector("#upload-alert")?.replaceChildren();
    if (detail.requestConfig.elt !== this.#form) return;
    this.#trouble = "";
    this.#hold(this.#form);
    this.#sending = new Sending(this.#form, sort(this.#chosen, this.#limits).ready);
  };

  #settle = ({ detail }) => {
    const sending = this.#sending;
    if (!sending || detail.requestConfig.elt.id !== "upload-form") return;
    this.#sending = null;
    sending.end();
    const { status } = detail.xhr;
    if (status >= 200 && status < 300 && hasPanel(detail.xhr)) this.#taken(sending.files);
    else this.#trouble = reason(detail.xhr, sending.stopped);
    this.#show();
    if (sending.stopped) setTimeout(() => this.#refresh().catch(() => {}), RETURN_AFTER_STOP_MS);
  };

  /** The server has answered for these; what was too large for it has been said and goes too. */
  #taken(files) {
    const [sent, { maxBytes }] = [new Set(files), this.#limits];
    this.#chosen = this.#chosen.filter((file) => !sent.has(file) && file.size <= maxBytes);
  }

  /** First see what did arrive: the answer may have been lost on the way, not the photos. */
  async #sendAgain() {
    const before = this.#panel;
    const answered = await this.#refresh().then(() => true, () => false);
    const fresh = this.#panel !== before;
    if (fresh) this.#trouble = "";
    else this.#trouble = answered ? SIGNED_OUT : "The server still does not answer.";
    this.#show();
    if (!fresh || !this.#form) return;
    htmx.process(this.#form); // htmx itself gets to a new form a moment later, and until then it would be sent as a page
    this.#form.requestSubmit();
  }

  #refresh() {
    return htmx.ajax("GET", this.#panel.dataset.status, { target: "#upload-panel", swap: "outerHTML" });
  }

  /** A photo of this very page, dragged, is a file too, says the browser; nobody means to send it again. */
  #isOffered(transfer) {
    return !this.#ownDrag && holdsFiles(transfer);
  }

  #enter = (event) => {
    if (!this.#isOffered(event.dataTransfer)) return;
    event.preventDefault();
    this.#depth += 1; // every element below the pointer has its own enter and leave
    this.#part("curtain-words").textContent = this.#form
      ? "Drop to add to this album"
      : "Drop to keep them ready. They can be sent when this batch is done.";
    this.#part("curtain").hidden = false;
  };

  #leave = () => {
    this.#depth = Math.max(0, this.#depth - 1);
    if (!this.#depth) this.#part("curtain").hidden = true;
  };

  #drop = (event) => {
    this.#depth = 0;
    this.#part("curtain").hidden = true;
    this.#take(event, event.dataTransfer);
  };

  #paste = (event) => this.#take(event, event.clipboardData);

  #take(event, transfer) {
    if (!this.#isOffered(transfer)) return;
    event.preventDefault();
    filesIn(transfer).then((files) => this.#choose(files));
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }
}

/** A server short of memory answers 503 with the panel and its reason; one that is out of order has no panel to show. */
function letIn({ detail }) {
  if (detail.xhr.status !== 503 || !hasPanel(detail.xhr)) return;
  detail.shouldSwap = true;
  detail.isError = false;
}

function hasPanel(xhr) {
  return xhr.responseText.includes('id="upload-panel"');
}

function reason(xhr, stopped) {
  const { status } = xhr;
  if (stopped) return "Sending was stopped.";
  if (status < 300 && status) return SIGNED_OUT;
  if (status === 0) return "The connection broke before everything had arrived.";
  if (status === 403) return "The server did not accept the form. Perhaps you were signed out in another tab.";
  if (status === 413) return "The server in between takes no requests of that size. Send fewer at once.";
  return status >= 500 && !hasPanel(xhr) ? `The server could not take the photos (error ${status}).` : "";
}

customElements.define("upload-desk", UploadDesk);
