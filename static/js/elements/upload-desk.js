/* <upload-desk>: the tray of an album. It surrounds the upload panel and holds what the panel cannot, since it is replaced while polling: the
   files of this page.

   Files are chosen, dropped or pasted, and sent resumably, at once unless they come in folders. After any failure they stay listed until the
   server has them. While another batch is in progress in the album, they wait here, are checked against the album, and are sent when it is
   done. The element moves itself to the end of the body, where it stays while links replace the rest of the page (navigation.js). */
import { Actions } from "../upload/desk/actions.js";
import { AddFiles } from "../upload/desk/add-files.js";
import { BatchSequence } from "../upload/desk/batch-sequence.js";
import { CleanReport } from "../upload/desk/clean-report.js";
import { Display } from "../upload/desk/display.js";
import { FocusKeeper } from "../upload/desk/focus-keeper.js";
import { LastAdded } from "../upload/desk/last-added.js";
import { showOperation } from "../upload/desk/operation-toast.js";
import { UploadPanel, withoutPhotos } from "../upload/desk/upload-panel.js";
import { UploadSession } from "../upload/desk/upload-session.js";
import * as filePicker from "../upload/ui/file-picker.js";
import { albumOf } from "../upload/ui/navigation.js";
import { FileRows } from "../upload/ui/rows.js";
import { ThrottledRender } from "../upload/ui/throttled-render.js";
import { Tray } from "../upload/ui/tray.js";
import { UploaderView } from "../upload/ui/view.js";

class UploadDesk extends HTMLElement {
  #stop = new AbortController();
  #render = new ThrottledRender(() => (this.#display.render(), this.#focus.keep()));
  #panel = new UploadPanel(this, this.#stop.signal);
  #chosenFor = null;
  #session = null;
  #view;
  #addFiles;
  #lastAdded;
  #sequence;
  #actions;
  #display;
  #focus;
  #cleanReport;

  connectedCallback() {
    if (this.parentElement === document.body) this.#start();
    else document.body.append(this);
  }

  disconnectedCallback() {
    if (!this.#session) return; // it moves to the body
    this.#stop.abort();
    this.#session.terminate();
  }

  #start() {
    const tray = new Tray(this.querySelector("[data-tray]"));
    const view = (this.#view = new UploaderView(this.querySelector("[data-tray]")));
    const session = (this.#session = new UploadSession(this.querySelector("[data-uploader]"), this.#panel, () => this.#render.request()));
    const rows = new FileRows(view.part("list"), view.part("row"));
    const start = (items) => this.#upload(items);
    const announce = (text) => this.querySelector("panel-announcer")?.announce(text);
    this.#lastAdded = new LastAdded(session, view.data);
    this.#sequence = new BatchSequence({ session, panel: this.#panel, announce });
    this.#addFiles = new AddFiles({ session, panel: this.#panel, tray, start });
    const parts = { desk: this, session, panel: this.#panel, tray, view, rows, lastAdded: this.#lastAdded };
    this.#actions = new Actions({ ...parts, sequence: this.#sequence, start, announce });
    this.#display = new Display({ ...parts, announce }, this.#stop.signal);
    this.#focus = new FocusKeeper(this, view, this.#stop.signal);
    this.#cleanReport = new CleanReport(this.#panel, this, () => this.#render.request());
    this.#cleanReport.panelReplaced();
    this.#listen(this.#stop.signal);
    session.resume.start().then(() => this.#clearAndRender());
  }

  #listen(signal) {
    const { fileStore, connection, sender, preflight } = this.#session;
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    for (const source of [fileStore, connection, sender]) on(source, "change", () => this.#render.request());
    on(sender, "declared", () => (this.#panel.refresh(), preflight.schedule())); // files that must wait are checked
    on(sender, "copying", ({ detail }) => showOperation(detail));
    on(sender, "idle", () => this.#clearAndRender());
    on(this, "gone", ({ detail }) => this.#albumGone(detail));
    on(this, "htmx:beforeSwap", ({ detail }) => albumOf(location) === this.album || withoutPhotos(detail));
    on(document, "page-replaced", () => this.#render.request());
    on(this, "click", ({ target }) => this.#onClick(target.closest("[data-action]")));
    on(this, "change", ({ target }) => this.#onInput(target));
    on(this, "htmx:afterSwap", () => this.#panelReplaced());
    for (const name of ["online", "focus"]) on(window, name, () => connection.checkNow());
    on(document, "visibilitychange", () => document.hidden || connection.checkNow());
  }

  /** Whether a batch is in progress in the album. */
  get isBusy() {
    return this.#panel.isBusy;
  }

  /** Whether any file of this page is being sent, or about to be. */
  get isSending() {
    return this.#session.isSending;
  }

  /** Whether any file of this page is not uploaded, and could be. */
  get hasUnsent() {
    return this.#session.hasUnsent;
  }

  /** The id of the album whose panel the tray shows. */
  get album() {
    return this.#session.album;
  }

  /** Uploads the entries to the album with this id: at once, or after the batch in progress. Folders wait for the choice of their album. */
  async addFiles(entries, album = this.album) {
    await this.#addFiles.add(entries, album);
    this.#render.request();
  }

  /** Opens the browser's dialog for "files" or a "folder", to add them to the album. Must be called while a click is handled. */
  async choose(kind, album = null) {
    this.#chosenFor = album;
    if (!filePicker.hasPickers) return this.#view.part(kind === "folder" ? "choose-folder" : "choose-files").click();
    this.#filesChosen(await (kind === "folder" ? filePicker.pickFolder() : filePicker.pickFiles()));
  }

  /** The page decides which tray uploads them (add-photos.js). */
  #filesChosen(entries) {
    this.dispatchEvent(new CustomEvent("files-chosen", { bubbles: true, detail: { entries, album: this.#chosenFor ?? this.album } }));
  }

  #onInput(input) {
    if (!input.matches("[data-choose-files], [data-choose-folder]")) return;
    const entries = filePicker.filesFromInput(input);
    input.value = ""; // so that the same files can be chosen again
    this.#filesChosen(entries);
  }

  async #onClick(button) {
    if (!button) return;
    await this.#actions.perform(button);
    this.#render.request();
  }

  #upload(items) {
    if (items.length) setTimeout(() => this.#render.request(), this.#lastAdded.upload(items));
  }

  #panelReplaced() {
    this.#panel.isStale = false;
    this.#session.resume.panelReplaced().then(() => this.#render.request());
    this.#sequence.panelReplaced();
    this.#cleanReport.panelReplaced();
    this.#focus.keep();
    this.#render.request();
  }

  #clearAndRender() {
    this.#sequence.clearEnded();
    this.#render.request();
  }

  /** The album was deleted, or moved to the trash. The event may come again: a response that was under way may have put a polling panel in place. */
  #albumGone({ isInTrash }) {
    [this.#session.isGone, this.#session.isInTrash] = [true, isInTrash];
    this.#session.sender.queue.pause();
    this.#panel.retire();
    this.#render.request();
  }
}

customElements.define("upload-desk", UploadDesk);
