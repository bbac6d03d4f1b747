/* The report of a batch without problems disappears by itself: after the time from which on the server leaves it out of pages that are opened
   (CLEAN_REPORT_TIME in processing/queries/album_report.py). */

const SHOWN_MS = 120_000;

export class CleanReport {
  #panel;
  #tray;
  #onRemoved;
  #timer;

  /** `tray` is the element that keeps the report while it is used; `onRemoved()` renders the tray. */
  constructor(panel, tray, onRemoved) {
    this.#panel = panel;
    this.#tray = tray;
    this.#onRemoved = onRemoved;
  }

  /** Called when the panel was replaced, and at first. */
  panelReplaced() {
    clearTimeout(this.#timer);
    if (this.#report) this.#timer = setTimeout(() => this.#remove(), SHOWN_MS);
  }

  get #report() {
    const hasProblems = this.#panel.isBusy || Number(this.#panel.data.problems);
    return hasProblems ? null : this.#panel.element.querySelector(".report");
  }

  #remove() {
    if (this.#tray.matches(":hover, :focus-within")) return this.panelReplaced();
    this.#report?.remove();
    this.#onRemoved();
  }
}
