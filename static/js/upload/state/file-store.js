/* The list of files on this page: what each is, its state, and a "change" event for the page. Pure.

   States of a file:  chosen ─► pending ─► waiting ⇄ sending ─► received
                         └──► later ──┘        └─► here · refused · skipped · failed · cancelled
   held: its bytes are in the trash or in another album, and the user has not decided yet what to do. Once decided, it is pending.
   missing: the server expects the file, but after a reload the page no longer has access to it. */

export const ENDED = new Set(["received", "here", "refused", "skipped", "cancelled"]);
const IN_PROGRESS = new Set(["pending", "waiting", "sending"]);

export function isInProgress({ state }) {
  return IN_PROGRESS.has(state);
}

export class FileStore extends EventTarget {
  #items = new Map();
  #changed = new Set();
  #lastId = 0;

  get items() {
    return [...this.#items.values()];
  }

  in(...states) {
    return this.items.filter((item) => states.includes(item.state));
  }

  /** Adds an item for each of `files`, in order, and returns the items. Properties that a file lacks have their defaults. */
  add(files) {
    const items = files.map((file) => ({ ...defaults(), ...file, id: ++this.#lastId }));
    for (const item of items) {
      this.#items.set(item.id, item);
      this.#changed.add(item);
    }
    this.#dispatchChange();
    return items;
  }

  get(id) {
    return this.#items.get(id);
  }

  set(item, changes) {
    Object.assign(item, changes);
    if (!this.#items.has(item.id)) return;
    this.#changed.add(item);
    this.#dispatchChange();
  }

  /** As set(), for many items at once. */
  setAll(items, changes) {
    for (const item of items) {
      Object.assign(item, changes);
      if (this.#items.has(item.id)) this.#changed.add(item);
    }
    if (items.length) this.#dispatchChange();
  }

  remove(items) {
    for (const item of items) {
      this.#items.delete(item.id);
      item.isRemoved = true;
      this.#changed.add(item);
    }
    if (items.length) this.#dispatchChange();
  }

  /** Returns the items that changed since the last call, so that a thousand changes are rendered at once. */
  takeChanges() {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  #dispatchChange() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Counts files and bytes: {files, bytes, sent, states, inProgress, ended, count(...states)}. `sent` includes bytes that are not
    acknowledged yet. `earlier` are received files that are not listed, {files, bytes}. */
export function totals(items, earlier = { files: 0, bytes: 0 }) {
  const sum = { files: items.length + earlier.files, bytes: earlier.bytes, sent: earlier.bytes, states: earlier.files ? { received: earlier.files } : {} };
  for (const { state, size, offset, inFlight } of items) {
    sum.states[state] = (sum.states[state] ?? 0) + 1;
    if (["cancelled", "refused", "skipped", "here", "held"].includes(state)) continue;
    sum.bytes += size;
    sum.sent += state === "received" ? size : Math.min(size, offset + inFlight);
  }
  const count = (...states) => states.reduce((total, state) => total + (sum.states[state] ?? 0), 0);
  return { ...sum, count, inProgress: count(...IN_PROGRESS), ended: count(...ENDED) };
}

/** A string that differs for different chosen files. */
export function fingerprint({ path, size, modified }) {
  return `${path}:${size}:${modified}`;
}

function defaults() {
  return {
    state: "chosen",
    file: null,
    name: "",
    path: "",
    size: 0,
    modified: null,
    handle: null,
    grant: null,
    album: null,
    sha256: "",
    hashedBytes: null,
    upload: null,
    parts: null,
    partBytes: 0,
    offset: 0,
    inFlight: 0,
    message: "",
    serverState: null,
    photo: null,
    otherAlbum: null,
    choice: null,
  };
}
