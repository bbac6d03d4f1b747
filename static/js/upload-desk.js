/* <upload-desk>: around the upload panel, holding what the panel cannot, since it is replaced: the files of this page.

   They come by dialog, drop and paste, and are sent resumably. Whatever breaks, they stay listed until the server has them. While
   another batch is at work in the album they wait here, are compared, and go by themselves when it is done. */
import { Pace } from "./pace.js";
import { Checksums } from "./uploading/checksums.js";
import * as choosing from "./uploading/choosing.js";
import { ChunkSize } from "./uploading/chunk-size.js";
import { Comparison } from "./uploading/comparison.js";
import { DeskView, links } from "./uploading/desk-view.js";
import { Drops } from "./uploading/drops.js";
import { byFolder, makeAlbum, titleOf } from "./uploading/folders.js";
import { Hasher } from "./uploading/hasher.js";
import { Keep } from "./uploading/keep.js";
import { ENDED, Ledger, print, totals } from "./uploading/ledger.js";
import { Line } from "./uploading/line.js";
import { moment, news } from "./uploading/news.js";
import { refine } from "./uploading/refining.js";
import * as resuming from "./uploading/resuming.js";
import { Rows } from "./uploading/rows.js";
import { Sender } from "./uploading/sender.js";
import { Ticker } from "./uploading/ticker.js";
import { Wakefulness } from "./uploading/wakefulness.js";
import { request } from "./uploading/wire.js";
import { plural } from "./format.js";

const STALL_MS = 60_000;
const SOON_MS = 1000;

class UploadDesk extends HTMLElement {
  #stop = new AbortController();
  #ledger = new Ledger();
  #hasher = new Hasher();
  #pace = new Pace();
  #notes = [];
  #again = null;
  #moment = null;

  connectedCallback() {
    const { signal } = this.#stop;
    const { album, person } = this.#desk.dataset;
    this.#view = new DeskView(this.#desk);
    this.#rows = new Rows(this.#view.part("list"), this.#view.part("row"));
    this.#ticker = new Ticker(() => this.#show());
    this.#line = new Line(() => this.#probe());
    this.#keep = new Keep(person, album);
    this.#sender = new Sender({
      ledger: this.#ledger,
      link: this.#link(),
      keep: this.#keep,
      album: (id) => this.#addresses(id),
      page: album,
      maxFiles: this.#limits.maxFiles,
    });
    this.#comparison = new Comparison(this.#ledger, this.#sender, album);
    this.#checksums = new Checksums(this.#ledger, this.#hasher, (item) => (this.#sender.learn(item), this.#comparison.ask()));
    this.#wakefulness = new Wakefulness(signal);
    new Drops(this, { signal, onFiles: (found) => this.#choose(found), words: () => this.#dropWords() });
    const ask = () => this.#ticker.ask();
    for (const source of [this.#ledger, this.#line, this.#sender]) source.addEventListener("change", ask, { signal });
    this.#sender.addEventListener("declared", () => this.#refresh().catch(() => {}), { signal });
    this.#sender.addEventListener("rested", () => (ask(), this.#tidy()), { signal });
    this.addEventListener("click", this.#press, { signal });
    this.addEventListener("change", this.#changed, { signal });
    this.addEventListener("htmx:afterSwap", () => this.#swapped(), { signal });
    for (const name of ["online", "focus"]) addEventListener(name, () => this.#line.hurry(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#line.hurry(), { signal });
    this.#restore();
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#hasher.end();
  }

  #view;
  #rows;
  #ticker;
  #line;
  #keep;
  #sender;
  #comparison;
  #checksums;
  #wakefulness;

  get #desk() {
    return this.querySelector("[data-desk]");
  }

  get #panel() {
    return this.querySelector("#upload-panel");
  }

  get #isBusy() {
    return this.#panel.dataset.busy === "yes";
  }

  get #limits() {
    const { maxFiles, maxBytes } = this.#panel.dataset;
    return { maxFiles: Number(maxFiles), maxBytes: Number(maxBytes) };
  }

  #link() {
    const desk = this.#desk;
    const chunks = new ChunkSize();
    return {
      request,
      chunks,
      line: this.#line,
      part: (blob, options) => this.#hasher.part(blob, options),
      get stallMs() {
        return Number(desk.dataset.stallMs ?? STALL_MS);
      },
    };
  }

  #addresses(id) {
    const { album, manifest, cancel } = this.#desk.dataset;
    const of = (address) => address.replace(`/albums/${album}/`, `/albums/${id}/`);
    return { manifest: of(manifest), cancel: of(cancel) };
  }

  async #choose(found) {
    if (!found.length) return;
    const { kept, left } = choosing.sift(found);
    this.#notes = left ? [`${plural(left, "file")} in the folders ${left === 1 ? "is no photo and was" : "are no photos and were"} left out.`] : [];
    const { items, others } = await resuming.rejoin({ ledger: this.#ledger, hasher: this.#hasher }, kept);
    if (items.length) this.#sender.join(items);
    const known = new Set(this.#ledger.items.filter(({ state }) => state !== "cancelled").map(print));
    const fresh = others
      .map(({ file, path, handle, grant }) => ({ file, path, handle, grant, name: file.name, size: file.size, modified: file.lastModified }))
      .filter((one) => !known.has(print(one)) && known.add(print(one)));
    const waits = this.#isBusy || this.#ledger.in("pending", "waiting", "sending").length > 0;
    this.#ledger.add(fresh.map((one) => ({ ...one, state: waits ? "later" : "chosen", album: waits ? this.#sender.page : null })));
    if (waits) this.#comparison.ask();
    this.#tellMissing();
  }

  #press = async ({ target }) => {
    const button = target.closest("[data-do]");
    if (!button) return;
    const { queue } = this.#sender;
    const chosen = () => this.#ledger.in("chosen", "later");
    switch (button.dataset.do) {
      case "files":
        return choosing.canPick ? this.#choose(await choosing.pickFiles()) : this.#view.part("choose-files").click();
      case "folder":
        return choosing.canPick ? this.#choose(await choosing.pickFolder()) : this.#view.part("choose-folder").click();
      case "send":
        return this.#send();
      case "pause":
        queue.pause();
        break;
      case "go-on":
        queue.goOn();
        break;
      case "retry":
        return this.#sender.go(this.#ledger.in("failed"));
      case "retry-one":
        return this.#sender.go([this.#ledger.get(this.#rows.idOf(button))]);
      case "drop":
        return this.#drop(button);
      case "cancel":
        if (confirm("Cancel the photos that are not developed yet? Those that are ready stay in the album.")) await this.#sender.cancelAll();
        return this.#refresh().catch(() => {});
      case "hold":
        this.#sender.isHeldBack = !this.#sender.isHeldBack;
        break;
      case "forget":
        this.#sender.cancel(this.#ledger.in("failed"));
        this.#keep.forget(chosen());
        this.#ledger.remove(chosen());
        this.#notes = [];
        this.querySelector("[data-do=files]").focus();
        break;
      case "hurry":
        this.#line.hurry();
        break;
      case "resume":
        await resuming.open(this.#ledger, this.#ledger.in("missing"), true);
        this.#goOn();
        break;
      case "give-up":
        this.#sender.cancel(this.#ledger.in("missing"));
        this.#tellMissing();
        this.#tidy();
    }
    this.#ticker.ask();
  };

  #changed = ({ target }) => {
    if (!target.matches("[data-choose-files], [data-choose-folder]")) return;
    const found = choosing.fromInput(target);
    target.value = ""; // so that the same can be chosen again
    this.#choose(found);
  };

  async #send() {
    const chosen = this.#ledger.in("chosen");
    this.#notes = [];
    if (this.querySelector("[name=folders]:checked").value === "each") await this.#makeAlbums(chosen);
    this.#sender.go(chosen);
    this.#view.part("pause").hidden = false;
    this.#view.part("pause").focus(); // the button that was pressed goes away
  }

  async #makeAlbums(chosen) {
    const made = [];
    for (const [folder, items] of byFolder(chosen)) {
      const album = folder && (await makeAlbum(this.#desk.dataset.newAlbum, titleOf(folder)));
      if (!album) continue;
      for (const item of items) this.#ledger.set(item, { album });
      made.push({ href: `/albums/${album}/`, title: titleOf(folder) });
    }
    this.#notes = [links(`${plural(made.length, "album")} made:`, made)];
  }

  #drop(button) {
    const item = this.#ledger.get(this.#rows.idOf(button));
    const row = button.closest(".file");
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".file__drop:not([hidden])");
    if (["pending", "waiting", "sending", "missing", "failed"].includes(item.state)) this.#sender.cancel([item]);
    else this.#ledger.remove([item]);
    (next ?? this.querySelector("[data-do=files]")).focus();
    this.#tellMissing();
  }

  /** A panel that is not busy tells that the album is free. */
  #swapped() {
    this.#ticker.ask();
    this.#tellMissing();
    if (this.#isBusy || this.#ledger.in("pending", "waiting", "sending").length) return;
    const later = this.#ledger.in("later").filter(({ file }) => file);
    if (!later.length) return this.#tidy();
    if (this.#sender.isHeldBack) later.forEach((item) => this.#ledger.set(item, { state: "chosen", album: null }));
    else setTimeout(() => this.#isBusy || this.#next(), SOON_MS);
    this.#sender.isHeldBack = false;
  }

  #next() {
    const later = this.#ledger.in("later");
    if (!later.length) return;
    this.#clear();
    this.#voice(`The album is free. Sending ${plural(later.length, "photo")}.`);
    this.#sender.opened(this.#sender.page);
  }

  /** The report tells what came of those that have ended; what can be tried again stays. */
  #tidy() {
    if (this.#isBusy || this.#ledger.in("pending", "waiting", "sending", "later").length) return;
    this.#clear();
  }

  #clear() {
    this.#ledger.remove(this.#ledger.items.filter(({ state, album }) => ENDED.has(state) && (album === this.#sender.page || !album)));
  }

  async #restore() {
    await resuming.restore({ keep: this.#keep, ledger: this.#ledger, sender: this.#sender });
    this.#goOn();
    if (!this.#ledger.items.length && this.#isBusy && Number(this.#panel.dataset.receiving)) await this.#lookForOwn();
    this.#ticker.ask();
  }

  #goOn() {
    const ready = this.#ledger.in("missing").filter(({ file }) => file);
    if (ready.length) this.#sender.join(ready);
    this.#tellMissing();
    this.#tidy();
  }

  /** A browser that has kept nothing: the server knows what its person was sending. */
  async #lookForOwn() {
    const told = await this.#sender.compare(this.#sender.page, []).catch(() => null);
    this.#isExpected = Boolean(told?.batch?.mine);
    this.#tellMissing();
  }

  #isExpected = false;

  #tellMissing() {
    const missing = this.#ledger.in("missing").filter(({ file }) => !file);
    const { receiving, received, total } = this.#panel.dataset;
    const isSending = this.#ledger.in("pending", "waiting", "sending").length > 0;
    if (missing.length) {
      const canResume = missing.every(({ handle }) => handle);
      // Those that had arrived before the reload are not kept here; the server counts them.
      const all = Math.max(this.#ledger.items.length, this.#isBusy ? Number(total) : 0);
      const count = `${missing.length} of ${plural(all, "photo")} ${missing.length === 1 ? "is" : "are"} still to come`;
      this.#again = { canResume, words: canResume ? `${count}. The browser asks whether it may read them again.` : `${count}. Choose the folder or files again; each goes on where it stopped.` };
    } else if (this.#isExpected && Number(receiving) && !isSending) {
      this.#again = { canResume: false, words: `${total} files expected, ${received} here. If they do not come from elsewhere, choose them again to go on.` };
    } else this.#again = null;
    this.#ticker.ask();
  }

  /** Draws everything that changed. True while more rows are to come. */
  #show() {
    const { items } = this.#ledger;
    const sum = totals(items);
    const { queue } = this.#sender;
    const isMoving = queue.isMoving && this.#line.isOpen;
    this.#pace.mark(performance.now(), sum.sent);
    this.#view.show({
      items,
      sum,
      sender: this.#sender,
      line: this.#line,
      isBusy: this.#isBusy,
      limits: this.#limits,
      rate: isMoving ? this.#pace.rate : null,
      notes: this.#notes,
      left: this.#checksums.left,
      again: this.#again,
    });
    this.dataset.phase = this.#desk.dataset.phase;
    this.#wakefulness.set(isMoving);
    refine(this.#panel, items, this.#sender.page);
    const now = moment(sum, { isPaused: queue.isPaused, line: this.#line.state });
    const words = this.#moment && news(this.#moment, now);
    this.#moment = now;
    if (words) this.#voice(words);
    const isMore = this.#rows.show(this.#ledger.takeChanges());
    this.#rows.follow(items.find(({ state }) => state === "sending"));
    return isMore;
  }

  #voice(words) {
    this.querySelector("panel-voice")?.say(words);
  }

  #dropWords() {
    return this.#isBusy ? "Drop to prepare the next batch" : "Drop to add to this album";
  }

  async #probe() {
    try {
      const address = this.#panel.dataset.status;
      const { status, url } = await request("HEAD", address, { stallMs: 10_000 });
      if (!status || status >= 500) return "away";
      return new URL(url).pathname === new URL(address, location.href).pathname ? "open" : "signed-out";
    } catch {
      return "away";
    }
  }

  #refresh() {
    return htmx.ajax("GET", this.#panel.dataset.status, { target: "#upload-panel", swap: "outerHTML" });
  }
}

customElements.define("upload-desk", UploadDesk);
