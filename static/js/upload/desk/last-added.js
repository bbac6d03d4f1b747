/* The files that were added last: for a few seconds, as long as nothing else is uploading, adding them can be undone. */
import { ENDED } from "../state/file-store.js";

const UNDO_MS = 10_000;

export class LastAdded {
  #session;
  #data;
  #items = [];
  #addedAt = 0;

  /** `data.undoMs` replaces the time in which adding can be undone. */
  constructor(session, data) {
    this.#session = session;
    this.#data = data;
  }

  /** Uploads the items now. Returns the time in milliseconds after which this cannot be undone. */
  upload(items) {
    const { sender, hashing } = this.#session;
    [this.#items, this.#addedAt] = [items, performance.now()];
    sender.send(items, hashing.untilFirstHashed(items));
    return this.#undoMs;
  }

  get canUndo() {
    const unfinished = this.#session.fileStore.items.filter(({ state }) => !ENDED.has(state) && state !== "chosen");
    const isRecent = performance.now() - this.#addedAt < this.#undoMs;
    return isRecent && unfinished.length > 0 && unfinished.every((item) => this.#items.includes(item));
  }

  /** Cancels the files and removes them from the list. Resolves when the server has cancelled them. */
  undo() {
    const { sender, fileStore } = this.#session;
    const cancelled = sender.cancelAll();
    fileStore.remove(this.#items.filter(({ state }) => state === "cancelled"));
    this.#session.clearNotes();
    return cancelled;
  }

  get #undoMs() {
    return Number(this.#data.undoMs ?? UNDO_MS);
  }
}
