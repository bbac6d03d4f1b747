/* The requests that declare files to their albums, in manifests of a size that the server accepts. */
import { declare } from "./manifest.js";

const MAX_FILES = 2000;

export class Declarations {
  #albumUrls;
  #transport;

  /** `albumUrls(id)` returns an album's {manifest}. */
  constructor(albumUrls, transport) {
    this.#albumUrls = albumUrls;
    this.#transport = transport;
  }

  /** Opens or continues a batch with at most MAX_FILES `items`. Resolves with the server's reply about them. The `skipped` files, however
      many, are recorded unless no batch was opened. */
  async open(album, items, skipped = []) {
    const reply = await this.#post(album, items, true, skipped.slice(0, MAX_FILES));
    if (!isOpen(reply)) return reply;
    for (let start = MAX_FILES; start < skipped.length; start += MAX_FILES) {
      await this.#post(album, [], true, skipped.slice(start, start + MAX_FILES));
    }
    return reply;
  }

  /** Resolves with the server's reply about the items, however many they are, without opening a batch. */
  async query(album, items) {
    const reply = await this.#post(album, items.slice(0, MAX_FILES), false);
    for (let start = MAX_FILES; start < items.length; start += MAX_FILES) {
      reply.files.push(...(await this.#post(album, items.slice(start, start + MAX_FILES), false)).files);
    }
    return reply;
  }

  #post(album, items, open, skipped = []) {
    return declare(this.#albumUrls(album).manifest, items, { open, skipped, transport: this.#transport });
  }
}

/** False if another batch is in progress, or every file waits for the user's decision. */
export function isOpen({ files }) {
  return !files.every(({ state, held }) => state === "later" || held);
}
