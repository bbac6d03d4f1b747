/* <upload-desk>: the tray of an album. It surrounds the upload panel and holds what the panel cannot, since it is replaced while polling: the
   files of this page.

   Files are chosen, dropped or pasted, and sent resumably, at once unless they come in folders. Whatever fails, they stay listed until the
   server has them. While another batch is in progress in the album, they wait here, are checked against the album, and are sent when it is
   done. The element moves itself to the end of the body, where it stays while links replace the rest of the page (navigation.js). */
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
import * as filePicker from "../upload/ui/file-picker.js";
import { createAlbums, folderOf } from "../upload/ui/folders.js";
import { LeaveWarning } from "../upload/ui/leave-warning.js";
import { albumOf } from "../upload/ui/navigation.js";
import { PendingTiles } from "../upload/ui/pending-tiles.js";
import { updateProgressBar } from "../upload/ui/progress-bar.js";
import { FileRows } from "../upload/ui/rows.js";
import { skippedNotes } from "../upload/ui/texts.js";
import { ThrottledRender } from "../upload/ui/throttled-render.js";
import { Tray } from "../upload/ui/tray.js";
import { noteWithLinks, UploaderView } from "../upload/ui/view.js";
import { ScreenWakeLock } from "../upload/ui/wake-lock.js";

const STALL_MS = 60_000;
const NEXT_BATCH_DELAY_MS = 1000;
const PANEL_RETRY_MS = 1000;
const UNDO_MS = 10_000;

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
  #lastAdded = [];
  #lastAddedAt = 0;
  #chosenFor = null;
  #tray;
  #view;
  #rows;
  #persistence;
  #sender;
  #preflight;
  #hashing;
  #resume;
  #wakeLock;
  #leaveWarning;
  #pendingTiles;

  connectedCallback() {
    if (this.parentElement === document.body) this.#start();
    else document.body.append(this);
  }

  disconnectedCallback() {
    if (!this.#view) return; // it moves to the body
    this.#stop.abort();
    this.#hashPool.terminate();
  }

  #start() {
    const { signal } = this.#stop;
    const { album, person } = this.#uploader.dataset;
    this.#tray = new Tray(this.querySelector("[data-tray]"));
    this.#view = new UploaderView(this.querySelector("[data-tray]"));
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
    this.#leaveWarning = new LeaveWarning(signal);
    this.#pendingTiles = new PendingTiles(signal);
    this.#listen(signal);
    this.#resume.start().then(() => this.#clearAndRender());
  }

  #listen(signal) {
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    for (const source of [this.#fileStore, this.#connection, this.#sender]) on(source, "change", () => this.#render.request());
    on(this.#sender, "declared", () => (this.#refreshPanel(), this.#preflight.schedule())); // files that must wait are checked
    on(this.#sender, "idle", () => this.#clearAndRender());
    on(this, "gone", () => this.#albumGone());
    on(this, "htmx:beforeSwap", (event) => this.#keepOffOtherPages(event.detail));
    on(document, "page-replaced", () => this.#render.request());
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

  /** Whether a batch is in progress in the album. */
  get isBusy() {
    return Boolean(this.#panel.dataset.busy);
  }

  /** Whether any file of this page is being sent, or about to be. */
  get isSending() {
    return this.#fileStore.items.some(isInProgress);
  }

  /** Whether any file of this page is not uploaded, and could be. */
  get hasUnsent() {
    return !this.#isGone && this.#fileStore.items.some((item) => isInProgress(item) || ["chosen", "later", "failed"].includes(item.state));
  }

  /** The id of the album whose panel the tray shows. */
  get album() {
    return this.#uploader.dataset.album;
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
    const { album, manifest, cancelUrl } = this.#uploader.dataset;
    const forAlbum = (url) => url.replace(`/albums/${album}/`, `/albums/${id}/`);
    return { manifest: forAlbum(manifest), cancel: forAlbum(cancelUrl) };
  }

  #checksumKnown(item) {
    this.#sender.checksumKnown(item);
    this.#preflight.schedule();
  }

  /** Uploads the entries to the album with this id: at once, or after the batch in progress. Folders wait for the choice of their album. */
  async addFiles(entries, album = this.album) {
    if (!entries.length || this.#isGone) return;
    const { accepted, companions, unsupported } = filePicker.sortChosenFiles(entries);
    this.#sender.addSkipped([
      ...companions.map((entry) => skippedFile(entry, true)),
      ...unsupported.map((entry) => skippedFile(entry, false)),
    ]);
    this.#skippedNotes = skippedNotes({ companions, unsupported });
    this.#notes = [];
    await this.#resume.ready;
    const others = await this.#resume.rejoin(accepted);
    const known = new Set(this.#fileStore.items.filter(({ state }) => state !== "cancelled").map(fingerprint));
    const newFiles = others.filter((file) => !known.has(fingerprint(file)) && known.add(fingerprint(file)));
    const mustWait = this.isBusy || this.isSending;
    const items = this.#fileStore.add(newFiles.map((file) => ({ ...file, album: album === this.#sender.page ? null : album })));
    const single = items.filter((item) => !folderOf(item));
    if (single.length < items.length) this.#tray.expand(); // it asks for the album
    if (mustWait) this.#queue(single.filter((item) => !item.album));
    this.#upload(single.filter(({ state }) => state === "chosen"));
    this.#render.request();
  }

  #queue(items) {
    this.#fileStore.setAll(items, { state: "later", album: this.#sender.page });
    this.#preflight.schedule();
  }

  #upload(items) {
    if (!items.length) return;
    [this.#lastAdded, this.#lastAddedAt] = [items, performance.now()];
    setTimeout(() => this.#render.request(), this.#undoMs);
    this.#sender.send(items, this.#hashing.untilFirstHashed(items));
  }

  get #undoMs() {
    return Number(this.#uploader.dataset.undoMs ?? UNDO_MS);
  }

  /** For a few seconds, while all unfinished files are those that were added last. */
  get #canUndo() {
    const unfinished = this.#fileStore.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const isRecent = performance.now() - this.#lastAddedAt < this.#undoMs;
    return isRecent && unfinished.length > 0 && unfinished.every((item) => this.#lastAdded.includes(item));
  }

  #onInput(input) {
    if (!input.matches("[data-choose-files], [data-choose-folder]")) return;
    const entries = filePicker.filesFromInput(input);
    input.value = ""; // so that the same files can be chosen again
    this.#filesChosen(entries);
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

  #actions = {
    toggle: () => this.#tray.toggle(),
    files: () => this.choose("files"),
    send: () => this.#send(),
    undo: () => this.#undo(),
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
    const folders = this.querySelector("[name=folders]:checked").value;
    if (folders !== "one") {
      const { newAlbum, title } = this.#uploader.dataset;
      const albums = await createAlbums(this.#fileStore, chosen, newAlbum, folders === "tree" ? { album: this.album, title } : null);
      this.#sender.assignSkipped(new Map(albums.map(({ folder, album }) => [folder, album])), chosen);
      this.#notes = [noteWithLinks(`${plural(albums.length, "album")} created:`, albums)];
    }
    this.#upload(chosen);
    this.#view.part("pause").hidden = false;
    this.#view.part("pause").focus(); // the button that was pressed disappears
  }

  /** Cancels the files that were added last, and removes them from the list. */
  async #undo() {
    const cancelled = this.#sender.cancelAll();
    this.#fileStore.remove(this.#lastAdded.filter(({ state }) => state === "cancelled"));
    [this.#notes, this.#skippedNotes] = [[], []];
    this.#focusOutside();
    await cancelled;
    this.#refreshPanel();
  }

  /** Moves the focus to the album's button for adding files, when the focused button is no longer needed. */
  #focusOutside() {
    document.querySelector("[data-upload=files]")?.focus();
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
    this.#focusOutside();
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
    if (nextButton) nextButton.focus();
    else this.#focusOutside();
    this.#resume.update();
  }

  #remove(items) {
    this.#persistence.forget(items);
    this.#fileStore.remove(items);
  }

  /** The panel's responses bring the album's new photos, which do not belong on other pages: they may show the grid of another album. */
  #keepOffOtherPages(detail) {
    if (albumOf(location) === this.album) return;
    const response = new DOMParser().parseFromString(detail.serverResponse, "text/html");
    for (const element of response.querySelectorAll("[hx-swap-oob*='#photo-']")) element.remove();
    detail.serverResponse = response.body.innerHTML;
  }

  /** The panel was replaced. If it is not busy, the album is free, and the next batch is sent. */
  #panelReplaced() {
    this.#isPanelStale = false;
    this.#resume.panelReplaced().then(() => this.#render.request());
    if (this.isBusy) this.#sender.pollReceived();
    this.#render.request();
    if (this.isBusy || this.isSending) return;
    const nextBatch = this.#fileStore.in("later");
    if (!nextBatch.length) return this.#clearEnded();
    if (this.#sender.isHeldBack) nextBatch.forEach((item) => this.#fileStore.set(item, { state: "chosen", album: null }));
    else setTimeout(() => this.isBusy || this.#sendNextBatch(), NEXT_BATCH_DELAY_MS);
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
    if (!this.#isPanelStale && !this.isBusy && !this.isSending && !this.#fileStore.in("later").length) this.#removeEnded();
  }

  #removeEnded() {
    const { page } = this.#sender;
    this.#fileStore.remove(this.#fileStore.items.filter(({ state, album }) => ENDED.has(state) && (album ?? page) === page));
  }

  /** Renders everything that has changed. */
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
      panel: this.#panel.dataset,
      isGone: this.#isGone,
      isElsewhere: albumOf(location) !== this.album,
      canUndo: this.#canUndo,
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
    this.#leaveWarning.isActive = this.hasUnsent;
    this.#tray.update({ isEmpty: this.#isEmpty, percent: this.#percent(sum) });
    updateProgressBar(this.#panel, items, this.#sender.page);
    this.#pendingTiles.render(items.filter((item) => (item.album ?? this.album) === this.album), this.#grid);
    this.#announceChange(snapshot(sum, { isPaused: queue.isPaused, connection: this.#connection.state }));
    this.#rows.render(this.#fileStore.takeChanges());
    this.#rows.follow(items.find(({ state }) => state === "sending"));
  }

  /** Whether there is nothing to show: no files, and nothing in the panel but the form without JavaScript. */
  get #isEmpty() {
    if (this.#fileStore.items.length || this.#skippedNotes.length || this.#resume.notice) return false;
    const hasPanel = !this.#panel.hidden && [...this.#panel.children].some((child) => !child.matches(".no-script-only"));
    return !hasPanel && !this.querySelector("#upload-alert").childElementCount && this.querySelector("connection-status").hidden;
  }

  /** The list that new photos are appended to; null on the page of another album, or before its end. */
  get #grid() {
    const grid = albumOf(location) === this.album ? document.getElementById("photo-grid") : null;
    return grid?.querySelector(".grid__edge--next") ? null : grid;
  }

  #percent({ inProgress, bytes, sent }) {
    if (inProgress) return bytes ? Math.floor((100 * sent) / bytes) : 0;
    return this.isBusy ? Number(this.#panel.dataset.percent) : null;
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
