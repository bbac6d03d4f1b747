/* What the tray's buttons do, by their data-action. */
import { plural } from "../../format.js";
import { undecided } from "../state/decisions.js";
import { createAlbums } from "../ui/folders.js";
import { noteWithLinks } from "../ui/view.js";

export class Actions {
  #parts;

  /** `parts`: desk (the element), session, panel, tray, view, rows, lastAdded, sequence, start(items) and announce(text). */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Performs the action of the button, and resolves when the list shows it. */
  async perform(button) {
    await this.#actions[button.dataset.action](button);
  }

  get #actions() {
    const { desk, session, tray } = this.#parts;
    const { sender, fileStore, connection, resume } = session;
    return {
      toggle: () => tray.toggle(),
      files: () => desk.choose("files"),
      folder: () => desk.choose("folder"),
      send: () => this.#send(),
      undo: () => this.#undo(),
      pause: () => sender.queue.pause(),
      continue: () => sender.queue.resume(),
      retry: () => sender.send(fileStore.in("failed")),
      "retry-one": (button) => sender.send([this.#itemOf(button)]),
      remove: (button) => this.#removeOne(button),
      cancel: () => this.#cancelAll(),
      hold: () => this.#hold(),
      clear: () => this.#clearAll(),
      "check-now": () => connection.checkNow(),
      decide: (button) => this.#decide(button),
      "ask-one": (button) => this.#askAboutOne(this.#itemOf(button)),
      "decide-one": (button) => this.#decideOne(button),
      resume: () => resume.resume(),
      discard: () => this.#discard(),
    };
  }

  async #send() {
    const { desk, session, view, start } = this.#parts;
    const chosen = session.fileStore.in("chosen");
    session.clearNotes();
    const folders = desk.querySelector("[name=folders]:checked").value;
    if (folders !== "one") {
      const tree = folders === "tree" ? { album: desk.album, title: view.data.albumTitle } : null;
      const albums = await createAlbums(session.fileStore, chosen, view.data.newAlbum, tree);
      session.sender.skipped.assign(new Map(albums.map(({ folder, album }) => [folder, album])), chosen);
      session.notes = [noteWithLinks(tree ? "Uploading to albums inside this album:" : `${plural(albums.length, "album")} created:`, albums)];
    }
    start(chosen);
    view.part("pause").hidden = false;
    view.part("pause").focus(); // the button that was pressed disappears
  }

  async #undo() {
    const cancelled = this.#parts.lastAdded.undo();
    this.#parts.announce("Upload undone.");
    focusOutside();
    await cancelled;
    this.#parts.panel.refresh();
  }

  async #cancelAll() {
    const { session, panel, view } = this.#parts;
    if (!confirm(view.data.cancelQuestion)) return;
    await session.sender.cancelAll();
    panel.refresh();
  }

  async #discard() {
    const { session, sequence } = this.#parts;
    const missing = plural(session.fileStore.in("missing").length, "remaining file");
    if (!confirm(`Discard ${missing}? Uploaded photos stay in the album.`)) return;
    await session.resume.discard();
    sequence.clearEnded();
  }

  /** Applies the button's choice to all files of its question. */
  #decide({ dataset: { about, choice } }) {
    const { sender, fileStore } = this.#parts.session;
    sender.decide(undecided(fileStore.items, about), choice);
  }

  #askAboutOne(item) {
    const { view } = this.#parts;
    const dialog = view.part("decide-one");
    dialog.dataset.file = item.id;
    view.part("decide-one-title").textContent = item.name;
    view.part("decide-one-text").textContent = item.otherAlbum ? `Already in the album ${item.otherAlbum}.` : "In this album’s trash.";
    for (const button of dialog.querySelectorAll("[data-about]")) button.hidden = button.dataset.about !== item.serverState;
    dialog.showModal();
  }

  /** Applies the button's choice to the file of the dialog, unless it was decided meanwhile. */
  #decideOne({ dataset: { about, choice } }) {
    const { session, view } = this.#parts;
    const dialog = view.part("decide-one");
    dialog.close();
    const item = session.fileStore.get(Number(dialog.dataset.file));
    if (choice && item) session.sender.decide(undecided([item], about), choice);
  }

  #hold() {
    const { sender, fileStore } = this.#parts.session;
    sender.isHeldBack = !sender.isHeldBack;
    const queued = fileStore.in("later");
    fileStore.setAll(queued, { isHeld: sender.isHeldBack });
    sender.keep(queued);
  }

  #clearAll() {
    const { session, sequence } = this.#parts;
    session.sender.cancel(session.fileStore.in("failed"));
    session.remove(session.fileStore.in("chosen", "later"));
    session.clearNotes();
    session.sender.skipped.clear();
    sequence.clearEnded();
    focusOutside();
  }

  #itemOf(button) {
    const { session, rows } = this.#parts;
    return session.fileStore.get(rows.idOf(button));
  }

  #removeOne(button) {
    const { session } = this.#parts;
    const item = this.#itemOf(button);
    const row = button.closest(".file-row");
    const nextButton = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".file-row__remove:not([hidden])");
    if (["chosen", "later", "held"].includes(item.state)) session.remove([item]);
    else session.sender.cancel([item]);
    if (nextButton) nextButton.focus();
    else focusOutside();
    session.resume.update();
  }
}

/** Moves the focus to the album's button for adding files, when the focused button is no longer needed. */
function focusOutside() {
  document.querySelector("[data-upload=files]")?.focus();
}
