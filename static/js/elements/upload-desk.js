/* <upload-desk>: around the upload panel, holding what the panel cannot, since it is replaced: the files of this page.

   They come by dialog, drop and paste, and are sent resumably. Whatever breaks, they stay listed until the server has them. While
   another batch is at work in the album they wait here, are compared, and go by themselves when it is done. */
import { plural } from "../format.js";
import { Pace } from "../upload/transport/throughput.js";
import { Checksums } from "../upload/hashing/background-hashing.js";
import * as choosing from "../upload/ui/file-picker.js";
import { ChunkSize } from "../upload/transport/chunk-size.js";
import { ComingBack } from "../upload/state/resume.js";
import { Comparison } from "../upload/state/preflight.js";
import { DeskView, links } from "../upload/ui/view.js";
import { Drops } from "../upload/ui/drop-zone.js";
import { makeAlbums } from "../upload/ui/folders.js";
import { Hasher } from "../upload/hashing/hash-pool.js";
import { Keep } from "../upload/state/persistence.js";
import { ENDED, isUnderWay, Ledger, print, totals } from "../upload/state/file-store.js";
import { Line, probe } from "../upload/transport/connection.js";
import { moment, news } from "../upload/ui/announcements.js";
import { refine } from "../upload/ui/progress-bar.js";
import { Rows } from "../upload/ui/rows.js";
import { Sender } from "../upload/state/sender.js";
import { Ticker } from "../upload/ui/throttled-render.js";
import { skipped } from "../upload/ui/texts.js";
import { Wakefulness } from "../upload/ui/wake-lock.js";
import { request } from "../upload/transport/request.js";

const STALL_MS = 60_000;
const SOON_MS = 1000;
const CANCEL = "Cancel the photos that are not developed yet? Those that are ready stay in the album.";

function mention({ path, file }, isCompanion) {
  return { path, size: file.size, modified: file.lastModified, album: null, isSkipped: true, isCompanion };
}

class UploadDesk extends HTMLElement {
  #stop = new AbortController();
  #ledger = new Ledger();
  #hasher = new Hasher();
  #pace = new Pace();
  #line = new Line(() => probe(this.#panel.dataset.status));
  #ticker = new Ticker(() => this.#show());
  #notes = [];
  #skipped = [];
  #moment = null;
  #isStale = false;
  #isGone = false;
  #view;
  #rows;
  #keep;
  #sender;
  #comparison;
  #checksums;
  #comingBack;
  #wakefulness;

  connectedCallback() {
    const { signal } = this.#stop;
    const { album, person } = this.#desk.dataset;
    this.#view = new DeskView(this.#desk);
    this.#rows = new Rows(this.#view.part("list"), this.#view.part("row"));
    this.#keep = new Keep(person, album);
    this.#sender = new Sender({
      ledger: this.#ledger,
      link: this.#link(),
      keep: this.#keep,
      album: (id) => this.#addresses(id),
      page: album,
      maxFiles: Number(this.#panel.dataset.maxFiles),
    });
    this.#comparison = new Comparison(this.#ledger, this.#sender);
    this.#checksums = new Checksums(this.#ledger, this.#hasher, (item) => (this.#sender.learn(item), this.#comparison.ask()));
    const parts = { keep: this.#keep, ledger: this.#ledger, sender: this.#sender, hasher: this.#hasher };
    this.#comingBack = new ComingBack(parts, () => this.#panel, () => this.#ticker.ask());
    this.#wakefulness = new Wakefulness(signal);
    new Drops(this, { signal, onFiles: (found) => this.#choose(found), words: () => this.#dropWords() });
    this.#listen(signal);
    this.#comingBack.start().then(() => (this.#tidy(), this.#ticker.ask()));
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#hasher.end();
  }

  #listen(signal) {
    const on = (target, name, act) => target.addEventListener(name, act, { signal });
    for (const source of [this.#ledger, this.#line, this.#sender]) on(source, "change", () => this.#ticker.ask());
    on(this.#sender, "declared", () => (this.#refresh(), this.#comparison.ask())); // what could not go waits, and is compared
    on(this.#sender, "rested", () => (this.#tidy(), this.#ticker.ask()));
    on(this, "gone", () => this.#leave());
    on(this, "click", ({ target }) => this.#press(target.closest("[data-do]")));
    on(this, "change", ({ target }) => this.#chosen(target));
    on(this, "htmx:afterSwap", () => this.#swapped());
    for (const name of ["online", "focus"]) on(window, name, () => this.#line.hurry());
    on(document, "visibilitychange", () => document.hidden || this.#line.hurry());
  }

  get #desk() {
    return this.querySelector("[data-desk]");
  }

  get #panel() {
    return this.querySelector("#upload-panel");
  }

  get #isBusy() {
    return Boolean(this.#panel.dataset.busy);
  }

  /** Is anything of this page on its way, or about to be? */
  get isSending() {
    return this.#ledger.items.some(isUnderWay);
  }

  #link() {
    const { dataset } = this.#desk;
    return {
      request,
      line: this.#line,
      chunks: new ChunkSize(),
      bucket: { hasAnswered: false, isAway: false },
      part: (blob, options) => this.#hasher.part(blob, options),
      get stallMs() {
        return Number(dataset.stallMs ?? STALL_MS);
      },
    };
  }

  #addresses(id) {
    const { album, manifest, cancel } = this.#desk.dataset;
    const of = (address) => address.replace(`/albums/${album}/`, `/albums/${id}/`);
    return { manifest: of(manifest), cancel: of(cancel) };
  }

  async #choose(found) {
    if (!found.length || this.#isGone) return;
    const { kept, companions, left } = choosing.sift(found);
    this.#sender.skip([...companions.map((one) => mention(one, true)), ...left.map((one) => mention(one, false))]);
    this.#skipped = skipped({ companions, left });
    this.#notes = [];
    const others = await this.#comingBack.rejoin(kept);
    const known = new Set(this.#ledger.items.filter(({ state }) => state !== "cancelled").map(print));
    const fresh = others.filter((one) => !known.has(print(one)) && known.add(print(one)));
    const waits = this.#isBusy || this.isSending;
    this.#ledger.add(fresh.map((one) => ({ ...one, ...(waits ? { state: "later", album: this.#sender.page } : {}) })));
    if (waits) this.#comparison.ask();
    this.#ticker.ask();
  }

  #chosen(input) {
    if (!input.matches("[data-choose-files], [data-choose-folder]")) return;
    const found = choosing.fromInput(input);
    input.value = ""; // so that the same can be chosen again
    this.#choose(found);
  }

  #actions = {
    files: async () => (choosing.canPick ? this.#choose(await choosing.pickFiles()) : this.#view.part("choose-files").click()),
    folder: async () => (choosing.canPick ? this.#choose(await choosing.pickFolder()) : this.#view.part("choose-folder").click()),
    send: () => this.#send(),
    pause: () => this.#sender.queue.pause(),
    "go-on": () => this.#sender.queue.goOn(),
    retry: () => this.#sender.go(this.#ledger.in("failed")),
    "retry-one": (button) => this.#sender.go([this.#itemOf(button)]),
    drop: (button) => this.#drop(button),
    cancel: () => this.#cancelAll(),
    hold: () => (this.#sender.isHeldBack = !this.#sender.isHeldBack),
    forget: () => this.#forget(),
    hurry: () => this.#line.hurry(),
    resume: () => this.#comingBack.resume(),
    "give-up": () => this.#discard(),
  };

  async #press(button) {
    if (!button) return;
    await this.#actions[button.dataset.do](button);
    this.#ticker.ask();
  }

  async #send() {
    const chosen = this.#ledger.in("chosen");
    [this.#notes, this.#skipped] = [[], []];
    if (this.querySelector("[name=folders]:checked").value === "each") {
      const made = await makeAlbums(this.#ledger, chosen, this.#desk.dataset.newAlbum);
      this.#sender.moveSkipped(new Map(made.map(({ folder, album }) => [folder, album])), chosen);
      this.#notes = [links(`${plural(made.length, "album")} made:`, made)];
    }
    this.#sender.go(chosen);
    this.#view.part("pause").hidden = false;
    this.#view.part("pause").focus(); // the button that was pressed goes away
  }

  async #cancelAll() {
    if (!confirm(CANCEL)) return;
    await this.#sender.cancelAll();
    this.#refresh();
  }

  async #discard() {
    const missing = plural(this.#ledger.in("missing").length, "remaining file");
    if (!confirm(`Discard ${missing}? Photos that have arrived stay in the album.`)) return;
    await this.#comingBack.giveUp();
    this.#tidy();
  }

  #forget() {
    this.#sender.cancel(this.#ledger.in("failed"));
    this.#remove(this.#ledger.in("chosen", "later"));
    [this.#notes, this.#skipped] = [[], []];
    this.#sender.skipNothing();
    this.#tidy();
    this.querySelector("[data-do=files]").focus();
  }

  #itemOf(button) {
    return this.#ledger.get(this.#rows.idOf(button));
  }

  #drop(button) {
    const item = this.#itemOf(button);
    const row = button.closest(".pick");
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".pick__drop:not([hidden])");
    if (item.state === "chosen" || item.state === "later") this.#remove([item]);
    else this.#sender.cancel([item]);
    (next ?? this.querySelector("[data-do=files]")).focus();
    this.#comingBack.look();
  }

  #remove(items) {
    this.#keep.forget(items);
    this.#ledger.remove(items);
  }

  /** A panel that is not busy tells that the album is free. */
  #swapped() {
    this.#isStale = false;
    this.#comingBack.heard().then(() => this.#ticker.ask());
    if (this.#isBusy) this.#sender.follow();
    this.#ticker.ask();
    if (this.#isBusy || this.isSending) return;
    const later = this.#ledger.in("later");
    if (!later.length) return this.#tidy();
    if (this.#sender.isHeldBack) later.forEach((item) => this.#ledger.set(item, { state: "chosen", album: null }));
    else setTimeout(() => this.#isBusy || this.#next(), SOON_MS);
    this.#sender.isHeldBack = false;
  }

  #next() {
    const later = this.#ledger.in("later");
    if (!later.length) return;
    this.#clear();
    this.#skipped = [];
    this.#voice(`The album is free. Sending ${plural(later.length, "photo")}.`);
    this.#sender.opened(this.#sender.page);
  }

  /** The report tells what came of those that have ended; what can be tried again stays. */
  #tidy() {
    if (!this.#isStale && !this.#isBusy && !this.isSending && !this.#ledger.in("later").length) this.#clear();
  }

  #clear() {
    this.#ledger.remove(this.#ledger.items.filter(({ state, album }) => ENDED.has(state) && (album ?? this.#sender.page) === this.#sender.page));
  }

  /** Draws everything that changed. True while more rows are to come. */
  #show() {
    const { items } = this.#ledger;
    const { queue } = this.#sender;
    const sum = totals(items);
    const isMoving = queue.isMoving && this.#line.isOpen;
    this.#pace.mark(performance.now(), sum.sent);
    this.#view.show({
      items,
      sum,
      sender: this.#sender,
      line: this.#line,
      isBusy: this.#isBusy,
      isGone: this.#isGone,
      maxFiles: Number(this.#panel.dataset.maxFiles),
      rate: isMoving ? this.#pace.rate : null,
      secondsLeft: this.#pace.left(sum.bytes),
      notes: this.#notes,
      skipped: this.#skipped,
      left: this.#checksums.left,
      again: this.#comingBack.again,
    });
    this.dataset.phase = this.#desk.dataset.phase;
    this.#wakefulness.set(isMoving);
    refine(this.#panel, items, this.#sender.page);
    this.#announce(moment(sum, { isPaused: queue.isPaused, line: this.#line.state }));
    const isMore = this.#rows.show(this.#ledger.takeChanges());
    this.#rows.follow(items.find(({ state }) => state === "sending"));
    return isMore;
  }

  #announce(now) {
    const words = this.#moment && news(this.#moment, now);
    this.#moment = now;
    if (words) this.#voice(words);
  }

  #voice(words) {
    this.querySelector("panel-voice")?.say(words);
  }

  /** The album was deleted: nothing more can be sent, and nothing is asked for any more. */
  #leave() {
    [this.#isGone, this.#isStale] = [true, false];
    this.#sender.queue.pause();
    // Each time it is told: an answer that was on its way may have put a panel that polls in place once more.
    const panel = this.#panel.cloneNode(false); // without what was polled
    panel.hidden = true;
    for (const name of ["hx-get", "hx-trigger"]) panel.removeAttribute(name);
    panel.dataset.busy = "";
    this.#panel.replaceWith(panel);
    this.#ticker.ask();
  }

  #dropWords() {
    return this.#isBusy ? "Drop to prepare the next batch" : "Drop to add to this album";
  }

  /** Asks for the panel until it comes: one that is not busy does not poll, and would never show what was declared meanwhile. */
  async #refresh(tries = 0) {
    this.#isStale = true;
    await htmx.ajax("GET", this.#panel.dataset.status, { target: "#upload-panel", swap: "outerHTML" }).catch(() => {});
    if (!this.#isStale || this.#stop.signal.aborted) return;
    setTimeout(() => this.#isStale && this.#refresh(tries + 1), SOON_MS * 2 ** Math.min(tries, 5));
  }
}

customElements.define("upload-desk", UploadDesk);
