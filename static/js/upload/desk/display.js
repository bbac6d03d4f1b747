/* Shows the state of the uploads: in the tray, in the panel's bar, in the grid, and to screen readers. */
import { totals } from "../state/file-store.js";
import { Throughput } from "../transport/throughput.js";
import { announcement, snapshot } from "../ui/announcements.js";
import { LeaveWarning } from "../ui/leave-warning.js";
import { albumOf } from "../ui/navigation.js";
import { PendingTiles } from "../ui/pending-tiles.js";
import { updateProgressBar } from "../ui/progress-bar.js";
import { ScreenWakeLock } from "../ui/wake-lock.js";

export class Display {
  #parts;
  #throughput = new Throughput();
  #snapshot = null;
  #hasQuestion = false;
  #wakeLock;
  #leaveWarning;
  #pendingTiles;

  /** `parts`: desk (the element), session, panel, tray, view, rows, lastAdded and announce(text). `signal` ends what is shown outside the desk. */
  constructor(parts, signal) {
    this.#parts = parts;
    this.#wakeLock = new ScreenWakeLock(signal);
    this.#leaveWarning = new LeaveWarning(signal);
    this.#pendingTiles = new PendingTiles(signal);
  }

  /** Renders everything that has changed. */
  render() {
    const { desk, session, panel, view, rows } = this.#parts;
    const { items } = session.fileStore;
    const { queue } = session.sender;
    this.#expandForQuestion(items);
    const sum = totals(items, session.resume.earlier);
    const isTransferring = queue.isRunning && session.connection.isOpen;
    this.#throughput.record(performance.now(), sum.sent);
    view.render(this.#viewState(sum, isTransferring));
    desk.dataset.phase = view.phase;
    this.#wakeLock.setActive(isTransferring);
    this.#leaveWarning.isActive = session.hasUnsent;
    this.#parts.tray.update({ isEmpty: this.#isEmpty, percent: this.#percent(sum) });
    updateProgressBar(panel.element, items, session.sender.page);
    this.#pendingTiles.render(items.filter((item) => (item.album ?? session.album) === session.album), this.#grid);
    this.#announceChange(snapshot(sum, { isPaused: queue.isPaused, connection: session.connection.state }));
    rows.render(session.fileStore.takeChanges());
    rows.follow(items.find(({ state }) => state === "sending"));
  }

  /** A collapsed tray must not hide a question, but may be collapsed again. */
  #expandForQuestion(items) {
    const hasQuestion = items.some(({ state, choice }) => state === "held" && !choice);
    if (hasQuestion && !this.#hasQuestion) this.#parts.tray.expand();
    this.#hasQuestion = hasQuestion;
  }

  #viewState(sum, isTransferring) {
    const { session, panel, lastAdded } = this.#parts;
    return {
      items: session.fileStore.items,
      sum,
      sender: session.sender,
      connection: session.connection,
      panel: panel.data,
      isGone: session.isGone,
      isInTrash: session.isInTrash,
      isElsewhere: albumOf(location) !== session.album,
      canUndo: lastAdded.canUndo,
      maxFiles: panel.maxFiles,
      rate: isTransferring ? this.#throughput.rate : null,
      secondsLeft: this.#throughput.secondsLeft(sum.bytes),
      notes: session.notes,
      skippedNotes: session.skippedNotes,
      unchecked: session.hashing.remaining,
      resumeNotice: session.resume.notice,
    };
  }

  /** Whether there is nothing to show: no files, and nothing in the panel but the form without JavaScript. */
  get #isEmpty() {
    const { desk, session, panel } = this.#parts;
    if (session.fileStore.items.length || session.skippedNotes.length || session.resume.notice) return false;
    return !panel.hasContent && !desk.querySelector("#upload-alert").childElementCount && desk.querySelector("connection-status").hidden;
  }

  /** The list that new photos are appended to; null on the page of another album, or before its end. */
  get #grid() {
    const grid = albumOf(location) === this.#parts.session.album ? document.getElementById("photo-grid") : null;
    return grid?.querySelector(".grid__edge--next") ? null : grid;
  }

  #percent({ inProgress, bytes, sent }) {
    if (inProgress) return bytes ? Math.floor((100 * sent) / bytes) : 0;
    return this.#parts.panel.isBusy ? Number(this.#parts.panel.data.percent) : null;
  }

  #announceChange(after) {
    const text = this.#snapshot && announcement(this.#snapshot, after);
    this.#snapshot = after;
    if (text) this.#parts.announce(text);
  }
}
