/* Asks the server what has become of files that have arrived. */
import { afterReceived, processingResult } from "./server-state.js";

const MAX_FILES = 2000;
const POLL_MS = 5000;

export class ReceivedFiles {
  #fileStore;
  #page;
  #query;
  #polledAt = -Infinity;

  /** `page` is the id of the page's album. `query(album, items)` resolves with the server's reply about the items. */
  constructor(fileStore, page, query) {
    this.#fileStore = fileStore;
    this.#page = page;
    this.#query = query;
  }

  /** Asks which received files have become photos, at most every few seconds. */
  async poll() {
    const isUnknown = ({ album, photo, message }) => album === this.#page && !photo && !message;
    const items = this.#fileStore.in("received").filter(isUnknown).slice(0, MAX_FILES);
    if (!items.length || performance.now() - this.#polledAt < POLL_MS) return;
    this.#polledAt = performance.now();
    const reply = await this.#query(this.#page, items).catch(() => null);
    reply?.files.forEach((fileReply, index) => {
      const isProcessed = fileReply.state === "received" && (fileReply.photo || fileReply.message);
      if (isProcessed) this.#fileStore.set(items[index], processingResult(fileReply));
    });
  }

  /** Applies the server's verdict on files that were received, once each. After the batch has ended, the report shows it instead. */
  async check(album) {
    const items = this.#fileStore.in("received").filter((item) => item.album === album && !item.isChecked);
    if (!items.length) return;
    for (const item of items) item.isChecked = true;
    const reply = await this.#query(album, items).catch(() => null);
    if (!reply?.busy || !reply.batch?.mine) return;
    reply.files.forEach((fileReply, index) => {
      const changes = afterReceived(fileReply);
      if (changes) this.#fileStore.set(items[index], changes);
    });
  }
}
