/* The upload panel in the tray. A poll replaces its element every second while a batch is in progress in the album, so it is looked up each
   time. */

const RETRY_MS = 1000;

export class UploadPanel {
  /** Whether the server knows more than the panel shows: a refresh is under way. */
  isStale = false;
  #tray;
  #signal;

  /** `tray` contains the panel; `signal` ends its refreshes. */
  constructor(tray, signal) {
    this.#tray = tray;
    this.#signal = signal;
  }

  get element() {
    return this.#tray.querySelector("#upload-panel");
  }

  /** The data attributes that the server wrote: counts, percentages and URLs, all strings. */
  get data() {
    return this.element.dataset;
  }

  /** Whether a batch is in progress in the album. */
  get isBusy() {
    return Boolean(this.data.busy);
  }

  /** The largest number of files in one batch. */
  get maxFiles() {
    return Number(this.data.maxFiles);
  }

  /** Whether the panel shows anything besides the form for pages without JavaScript. */
  get hasContent() {
    return !this.element.hidden && [...this.element.children].some((child) => !child.matches(".no-script-only"));
  }

  /** Fetches the panel until it comes: one that is not busy does not poll, and would never show what was declared meanwhile. */
  async refresh(attempt = 0) {
    this.isStale = true;
    await htmx.ajax("GET", this.data.status, { target: "#upload-panel", swap: "outerHTML" }).catch(() => {});
    if (!this.isStale || this.#signal.aborted) return;
    setTimeout(() => this.isStale && this.refresh(attempt + 1), RETRY_MS * 2 ** Math.min(attempt, 5));
  }

  /** Empties the panel of a deleted album, and ends its polling. */
  retire() {
    this.isStale = false;
    const panel = this.element.cloneNode(false); // without its content
    panel.hidden = true;
    for (const name of ["hx-get", "hx-trigger"]) panel.removeAttribute(name);
    panel.dataset.busy = "";
    this.element.replaceWith(panel);
  }
}

/** Removes the album's photos from a response of the panel: the page may show the grid of another album. Pure but for the argument, the
    detail of htmx's event "beforeSwap". */
export function withoutPhotos(detail) {
  const response = new DOMParser().parseFromString(detail.serverResponse, "text/html");
  for (const element of response.querySelectorAll("[hx-swap-oob*='#photo-']")) element.remove();
  detail.serverResponse = response.body.innerHTML;
}
