/* Reports checksums that become known after their files were declared: a file that the album has need not be sent to its end. */
import { LateChecksums } from "../hashing/background-hashing.js";
import { ENDED } from "./file-store.js";
import { afterChecksum } from "./server-state.js";

export class ChecksumReports {
  #fileStore;
  #persistence;
  #declarations;
  #stop;
  #late = new LateChecksums((items) => this.#report(items));

  /** `stop(item)` is called for each file that is not sent any further. */
  constructor({ fileStore, persistence, declarations, stop }) {
    this.#fileStore = fileStore;
    this.#persistence = persistence;
    this.#declarations = declarations;
    this.#stop = stop;
  }

  /** Called when the item's checksum has become known. */
  add(item) {
    this.#late.add(item);
  }

  async #report(items) {
    this.#persistence.save(items);
    for (const album of new Set(items.map((item) => item.album))) {
      const albumItems = items.filter((item) => item.album === album);
      const reply = await this.#declarations.open(album, albumItems).catch(() => null);
      reply?.files.forEach((fileReply, index) => this.#apply(albumItems[index], afterChecksum(fileReply)));
    }
  }

  #apply(item, changes) {
    if (!changes || ENDED.has(item.state)) return;
    this.#fileStore.set(item, changes);
    this.#stop(item);
  }
}
