/* The uploads of one tray: the list of its files, and everything that hashes, checks, sends, stores and resumes them. */
import { BackgroundHashing } from "../hashing/background-hashing.js";
import { HashPool } from "../hashing/hash-pool.js";
import { FileStore, isInProgress } from "../state/file-store.js";
import { Persistence } from "../state/persistence.js";
import { Preflight } from "../state/preflight.js";
import { Resume } from "../state/resume.js";
import { Sender } from "../state/sender.js";
import { ChunkSize } from "../transport/chunk-size.js";
import { Connection, probe } from "../transport/connection.js";
import { request } from "../transport/request.js";

const STALL_MS = 60_000;
const UNSENT = ["chosen", "later", "held", "failed"];

export class UploadSession {
  fileStore = new FileStore();
  /** Whether the album was deleted, if only to the trash: nothing more can be sent. */
  isGone = false;
  isInTrash = false;
  /** Texts or elements about the last action, and about the files that it skipped. */
  notes = [];
  skippedNotes = [];
  #hashPool = new HashPool();
  #uploader;

  /** `uploader` is the element whose data attributes name the album, the user and the URLs; `panel` the UploadPanel. `onResume()` is called
      when the notice about files of earlier pages changes. */
  constructor(uploader, panel, onResume) {
    this.#uploader = uploader;
    const { album, person } = uploader.dataset;
    const { fileStore } = this;
    const hashPool = this.#hashPool;
    this.connection = new Connection(() => probe(panel.data.status));
    this.persistence = new Persistence(person, album);
    this.sender = new Sender({
      fileStore,
      transport: this.#transport(),
      persistence: this.persistence,
      albumUrls: (id) => this.#albumUrls(id),
      page: album,
      maxFiles: panel.maxFiles,
    });
    this.preflight = new Preflight(fileStore, this.sender);
    this.hashing = new BackgroundHashing(fileStore, hashPool, (item) => this.#checksumKnown(item));
    const context = { persistence: this.persistence, fileStore, sender: this.sender, hashPool };
    this.resume = new Resume(context, () => panel.element, onResume);
  }

  /** The id of the album that the tray belongs to. Its items may go to other albums too. */
  get album() {
    return this.#uploader.dataset.album;
  }

  /** Whether any file is being sent, or about to be. */
  get isSending() {
    return this.fileStore.items.some(isInProgress);
  }

  /** Whether any file is not uploaded, and could be. */
  get hasUnsent() {
    return !this.isGone && this.fileStore.items.some((item) => isInProgress(item) || UNSENT.includes(item.state));
  }

  clearNotes() {
    [this.notes, this.skippedNotes] = [[], []];
  }

  /** Removes items that were not sent, also from what outlives the page. */
  remove(items) {
    this.persistence.forget(items);
    this.fileStore.remove(items);
  }

  terminate() {
    this.#hashPool.terminate();
  }

  #checksumKnown(item) {
    this.sender.checksumKnown(item);
    this.preflight.schedule();
  }

  #transport() {
    const { dataset } = this.#uploader;
    return {
      request,
      connection: this.connection,
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
}
