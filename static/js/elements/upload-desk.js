/* <upload-desk>: surrounds the upload panel and holds what the panel cannot, since it is replaced while polling: the files of this page.

   Files are chosen, dropped or pasted, and sent resumably. Whatever fails, they stay listed until the server has them. While another batch is
   in progress in the album, they wait here, are checked against the album, and are sent when it is done. */
import { plural } from "../format.js";
import { BackgroundHashing } from "../upload/hashing/background-hashing.js";
import { HashPool } from "../upload/hashing/hash-pool.js";
import { ENDED, FileStore, fingerprint, isInProgress, totals } from "../upload/state/file-store.js";
import { Persistence } from "../upload/state/persistence.js";
import { Preflight } from "../upload/state/preflight.js";
import { Resume } from "../upload/state/resume.js";
import { Sender } from "../upload/state/sender.js";
import { ChunkSize } from "../upload/transport/chunk-size.js";
import { Connection, probe } from "../upload/transport/connection.js";
import { request } from "../upload/transport/request.js";
import { Throughput } from "../upload/transport/throughput.js";
import { announcement, snapshot } from "../upload/ui/announcements.js";
import { DropZone } from "../upload/ui/drop-zone.js";
import * as filePicker from "../upload/ui/file-picker.js";
import { createAlbums } from "../upload/ui/folders.js";
import { updateProgressBar } from "../upload/ui/progress-bar.js";
import { FileRows } from "../upload/ui/rows.js";
import { skippedNotes } from "../upload/ui/texts.js";
import { ThrottledRender } from "../upload/ui/throttled-render.js";
import { noteWithLinks, UploaderView } from "../upload/ui/view.js";
import { ScreenWakeLock } from "../upload/ui/wake-lock.js";

const STALL_MS = 60_000;
const NEXT_BATCH_DELAY_MS = 1000;
const PANEL_RETRY_MS = 1000;

class UploadDesk extends HTMLElement {
  #stop = new AbortController();
  #fileStore = new FileStore();
  #hashPool = new HashPool();
  #throughput = new Throughput();
  #connection = new Connection(() => probe(this.#panel.dataset.status));
  #render = new ThrottledRender(() => this.#renderNow());
  #notes = [];
  #skippedNotes = [];
  #snapshot = null;
  #isPanelStale = false;
  #isGone = false;
  #view;
  #rows;
  #persistence;
  #sender;
  #preflight;
  #hashing;
  #resume;
  #wakeLock;

  connectedCallback() {
    const { signal } = this.#stop;
    const { album, person } = this.#uploader.dataset;
    this.#view = new UploaderView(this.#uploader);
    this.#rows = new FileRows(this.#view.part("list"), this.#view.part("row"));
    this.#persistence = new Persistence(person, album);
    this.#sender = new Sender({
      fileStore: this.#fileStore,
      transport: this.#transport(),
      persistence: this.#persistence,
      albumUrls: (id) => this.#albumUrls(id),
      page: album,
      maxFiles: Number(this.#panel.dataset.maxFiles),
    });
    this.#preflight = new Preflight(this.#fileStore, this.#sender);
    this.#hashing = new BackgroundHashing(this.#fileStore, this.#hashPool, (item) => this.#checksumKnown(item));
    const context = { persistence: this.#persistence, fileStore: this.#fileStore, sender: this.#sender, hashPool: this.#hashPool };
    this.#resume = new Resume(context, () => this.#panel, () => this.#render.request());
    this.#wakeLock = new ScreenWakeLock(signal);
    new DropZone(this, { signal, onFiles: (entries) => this.#addFiles(entries), overlayText: () => this.#overlayText() });
    this.#listen(signal);
    this.#resume.start().then(() => this.#clearAndRender());
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#hashPool.terminate();
  }

  #listen(signal) {
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    for (const source of [this.#fileStore, this.#connection, this.#sender]) on(source, "change", () => this.#render.request());
    on(this.#sender, "declared", () => (this.#refreshPanel(), this.#preflight.schedule())); // files that must wait are checked
    on(this.#sender, "idle", () => this.#clearAndRender());
    on(this, "gone", () => this.#albumGone());
    on(this, "click", ({ target }) => this.#onClick(target.closest("[data-action]")));
    on(this, "change", ({ target }) => this.#onInput(target));
    on(this, "htmx:afterSwap", () => this.#panelReplaced());
    for (const name of ["online", "focus"]) on(window, name, () => this.#connection.checkNow());
    on(document, "visibilitychange", () => document.hidden || this.#connection.checkNow());
  }

  get #uploader() {
    return this.querySelector("[data-uploader]");
  }

  get #panel() {
    return this.querySelector("#upload-panel");
  }

  get #isBusy() {
    return Boolean(this.#panel.dataset.busy);
  }

  /** Whether any file of this page is being sent, or about to be. */
  get isSending() {
    return this.#fileStore.items.some(isInProgress);
  }

  #transport() {
    const { dataset } = this.#uploader;
    return {
      request,
      connection: this.#connection,
      chunkSize: new ChunkSize(),
      bucket: { hasAnswered: false, isUnreachable: false },
      hashPart: (blob, options) => this.#hashPool.hashPart(blob, options),
      get stallMs() {
        return Number(dataset.stallMs ?? STALL_MS);
      },
    };
  }

  #albumUrls(id) {
    const { album, manifest, cancel } = this.#uploader.dataset;
    const forAlbum = (url) => url.replace(`/albums/${album}/`, `/albums/${id}/`);
    return { manifest: forAlbum(manifest), cancel: forAlbum(cancel) };
  }

  #checksumKnown(item) {
    this.#sender.checksumKnown(item);
    this.#preflight.schedule();
  }

  async #addFiles(entries) {
    if (!entries.length || this.#isGone) return;
    const { accepted, companions, unsupported } = filePicker.sortChosenFiles(entries);
    this.#sender.addSkipped([
      ...companions.map((entry) => skippedFile(entry, true)),
      ...unsupported.map((entry) => skippedFile(entry, false)),
    ]);
    this.#skippedNotes = skippedNotes({ companions, unsupported });
    this.#notes = [];
    const others = await this.#resume.rejoin(accepted);
    const known = new Set(this.#fileStore.items.filter(({ state }) => state !== "cancelled").map(fingerprint));
    const newFiles = others.filter((file) => !known.has(fingerprint(file)) && known.add(fingerprint(file)));
    const mustWait = this.#isBusy || this.isSending;
    this.#fileStore.add(newFiles.map((file) => ({ ...file, ...(mustWait ? { state: "later", album: this.#sender.page } : {}) })));
    if (mustWait) this.#preflight.schedule();
    this.#render.request();
  }

  #onInput(input) {
    if (!input.matches("[data-choose-files], [data-choose-folder]")) return;
    const entries = filePicker.filesFromInput(input);
    input.value = ""; // so that the same files can be chosen again
    this.#addFiles(entries);
  }

  #actions = {
    files: async () => (filePicker.hasPickers ? this.#addFiles(await filePicker.pickFiles()) : this.#view.part("choose-files").click()),
    folder: async () => (filePicker.hasPickers ? this.#addFiles(await filePicker.pickFolder()) : this.#view.part("choose-folder").click()),
    send: () => this.#send(),
    pause: () => this.#sender.queue.pause(),
    continue: () => this.#sender.queue.resume(),
    retry: () => this.#sender.send(this.#fileStore.in("failed")),
    "retry-one": (button) => this.#sender.send([this.#itemOf(button)]),
    remove: (button) => this.#removeOne(button),
    cancel: () => this.#cancelAll(),
    hold: () => (this.#sender.isHeldBack = !this.#sender.isHeldBack),
    clear: () => this.#clearAll(),
    "check-now": () => this.#connection.checkNow(),
    resume: () => this.#resume.resume(),
    discard: () => this.#discard(),
  };

  async #onClick(button) {
    if (!button) return;
    await this.#actions[button.dataset.action](button);
    this.#render.request();
  }

  async #send() {
    const chosen = this.#fileStore.in("chosen");
    [this.#notes, this.#skippedNotes] = [[], []];
    if (this.querySelector("[name=folders]:checked").value === "each") {
      const albums = await createAlbums(this.#fileStore, chosen, this.#uploader.dataset.newAlbum);
      this.#sender.assignSkipped(new Map(albums.map(({ folder, album }) => [folder, album])), chosen);
      this.#notes = [noteWithLinks(`${plural(albums.length, "album")} created:`, albums)];
    }
    this.#sender.send(chosen);
    this.#view.part("pause").hidden = false;
    this.#view.part("pause").focus(); // the button that was pressed disappears
  }

  async #cancelAll() {
    if (!confirm(this.#uploader.dataset.cancelQuestion)) return;
    await this.#sender.cancelAll();
    this.#refreshPanel();
  }

  async #discard() {
    const missing = plural(this.#fileStore.in("missing").length, "remaining file");
    if (!confirm(`Discard ${missing}? Uploaded photos stay in the album.`)) return;
    await this.#resume.discard();
    this.#clearEnded();
  }

  #clearAll() {
    this.#sender.cancel(this.#fileStore.in("failed"));
    this.#remove(this.#fileStore.in("chosen", "later"));
    [this.#notes, this.#skippedNotes] = [[], []];
    this.#sender.clearSkipped();
    this.#clearEnded();
    this.querySelector("[data-action=files]").focus();
  }

  #itemOf(button) {
    return this.#fileStore.get(this.#rows.idOf(button));
  }

  #removeOne(button) {
    const item = this.#itemOf(button);
    const row = button.closest(".file-row");
    const nextButton = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".file-row__remove:not([hidden])");
    if (item.state === "chosen" || item.state === "later") this.#remove([item]);
    else this.#sender.cancel([item]);
    (nextButton ?? this.querySelector("[data-action=files]")).focus();
    this.#resume.update();
  }

  #remove(items) {
    this.#persistence.forget(items);
    this.#fileStore.remove(items);
  }

  /** The panel was replaced. If it is not busy, the album is free, and the next batch is sent. */
  #panelReplaced() {
    this.#isPanelStale = false;
    this.#resume.panelReplaced().then(() => this.#render.request());
    if (this.#isBusy) this.#sender.pollReceived();
    this.#render.request();
    if (this.#isBusy || this.isSending) return;
    const nextBatch = this.#fileStore.in("later");
    if (!nextBatch.length) return this.#clearEnded();
    if (this.#sender.isHeldBack) nextBatch.forEach((item) => this.#fileStore.set(item, { state: "chosen", album: null }));
    else setTimeout(() => this.#isBusy || this.#sendNextBatch(), NEXT_BATCH_DELAY_MS);
    this.#sender.isHeldBack = false;
  }

  #sendNextBatch() {
    const nextBatch = this.#fileStore.in("later");
    if (!nextBatch.length) return;
    this.#removeEnded();
    this.#skippedNotes = [];
    this.#announce(`The album is free. Uploading ${plural(nextBatch.length, "photo")}.`);
    this.#sender.albumFree(this.#sender.page);
  }

  #clearAndRender() {
    this.#clearEnded();
    this.#render.request();
  }

  /** Removes ended files from the list once the panel's report shows them; files that can be retried stay. */
  #clearEnded() {
    if (!this.#isPanelStale && !this.#isBusy && !this.isSending && !this.#fileStore.in("later").length) this.#removeEnded();
  }

  #removeEnded() {
    const { page } = this.#sender;
    this.#fileStore.remove(this.#fileStore.items.filter(({ state, album }) => ENDED.has(state) && (album ?? page) === page));
  }

  /** Renders everything that has changed. Returns whether more rows are left for the next frame. */
  #renderNow() {
    const { items } = this.#fileStore;
    const { queue } = this.#sender;
    const sum = totals(items);
    const isTransferring = queue.isRunning && this.#connection.isOpen;
    this.#throughput.record(performance.now(), sum.sent);
    this.#view.render({
      items,
      sum,
      sender: this.#sender,
      connection: this.#connection,
      isBusy: this.#isBusy,
      isGone: this.#isGone,
      maxFiles: Number(this.#panel.dataset.maxFiles),
      rate: isTransferring ? this.#throughput.rate : null,
      secondsLeft: this.#throughput.secondsLeft(sum.bytes),
      notes: this.#notes,
      skippedNotes: this.#skippedNotes,
      unchecked: this.#hashing.remaining,
      resumeNotice: this.#resume.notice,
    });
    this.dataset.phase = this.#uploader.dataset.phase;
    this.#wakeLock.setActive(isTransferring);
    updateProgressBar(this.#panel, items, this.#sender.page);
    this.#announceChange(snapshot(sum, { isPaused: queue.isPaused, connection: this.#connection.state }));
    const hasMoreRows = this.#rows.render(this.#fileStore.takeChanges());
    this.#rows.follow(items.find(({ state }) => state === "sending"));
    return hasMoreRows;
  }

  #announceChange(after) {
    const text = this.#snapshot && announcement(this.#snapshot, after);
    this.#snapshot = after;
    if (text) this.#announce(text);
  }

  #announce(text) {
    this.querySelector("panel-announcer")?.announce(text);
  }

  /** The album was deleted: nothing more can be sent, and the panel is not polled any more. */
  #albumGone() {
    [this.#isGone, this.#isPanelStale] = [true, false];
    this.#sender.queue.pause();
    // Each time the event comes: a response that was under way may have put a polling panel in place again.
    const panel = this.#panel.cloneNode(false); // without its content
    panel.hidden = true;
    for (const name of ["hx-get", "hx-trigger"]) panel.removeAttribute(name);
    panel.dataset.busy = "";
    this.#panel.replaceWith(panel);
    this.#render.request();
  }

  #overlayText() {
    return this.#isBusy ? "Drop to upload next" : "Drop to add to this album";
  }

  /** Fetches the panel until it comes: one that is not busy does not poll, and would never show what was declared meanwhile. */
  async #refreshPanel(attempt = 0) {
    this.#isPanelStale = true;
    await htmx.ajax("GET", this.#panel.dataset.status, { target: "#upload-panel", swap: "outerHTML" }).catch(() => {});
    if (!this.#isPanelStale || this.#stop.signal.aborted) return;
    setTimeout(() => this.#isPanelStale && this.#refreshPanel(attempt + 1), PANEL_RETRY_MS * 2 ** Math.min(attempt, 5));
  }
}

/** A file of a sent folder that is not sent itself, as Sender.addSkipped() takes it. */
function skippedFile({ path, file }, isCompanion) {
  return { path, size: file.size, modified: file.lastModified, album: null, isSkipped: true, isCompanion };
}

customElements.define("upload-desk", UploadDesk);
