/* One batch after the other: sends the queued files when the album is free, and removes ended files from the list once the panel's report
   shows them. */
import { plural } from "../../format.js";
import { ENDED } from "../state/file-store.js";

const NEXT_BATCH_DELAY_MS = 1000;

export class BatchSequence {
  #session;
  #panel;
  #announce;

  constructor({ session, panel, announce }) {
    this.#session = session;
    this.#panel = panel;
    this.#announce = announce;
  }

  /** Called when the panel was replaced. If it is not busy, the album is free. */
  panelReplaced() {
    const { fileStore, sender, isSending } = this.#session;
    const { isBusy } = this.#panel;
    if (isBusy) sender.received.poll();
    if (isBusy || isSending) return;
    const nextBatch = fileStore.in("later");
    if (!nextBatch.length) return this.clearEnded();
    if (sender.isHeldBack) this.#askAgain(nextBatch);
    else setTimeout(() => this.#panel.isBusy || this.#sendNext(), NEXT_BATCH_DELAY_MS);
    sender.isHeldBack = false;
  }

  /** Removes ended files from the list if the panel shows them. Files that can be retried stay. */
  clearEnded() {
    const { fileStore, isSending } = this.#session;
    if (!this.#panel.isStale && !this.#panel.isBusy && !isSending && !fileStore.in("later").length) this.#removeEnded();
  }

  #askAgain(items) {
    this.#session.fileStore.setAll(items, { state: "chosen", album: null });
    this.#session.sender.keep(items);
  }

  #sendNext() {
    const { fileStore, sender } = this.#session;
    const nextBatch = fileStore.in("later");
    if (!nextBatch.length) return;
    this.#removeEnded();
    this.#session.skippedNotes = [];
    this.#announce(`The album is free. Uploading ${plural(nextBatch.length, "photo")}.`);
    sender.albumFree(sender.page);
  }

  #removeEnded() {
    const { fileStore, sender } = this.#session;
    fileStore.remove(fileStore.items.filter(({ state, album }) => ENDED.has(state) && (album ?? sender.page) === sender.page));
  }
}
