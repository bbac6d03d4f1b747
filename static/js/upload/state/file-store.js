/* The list of files on this page: what each is, where it stands, and who wants to know of changes. Pure.

   A file's way:  chosen ─► pending ─► waiting ⇄ sending ─► received
                     └──► later ──┘        └─► here · refused · skipped · failed · cancelled
   missing: the server expects it, but after a reload the page has lost hold of it. */

export const ENDED = new Set(["received", "here", "refused", "skipped", "cancelled"]);
const TO_COME = new Set(["pending", "waiting", "sending"]);

export function isUnderWay({ state }) {
  return TO_COME.has(state);
}

export class Ledger extends EventTarget {
  #items = new Map();
  #changed = new Set();
  #count = 0;

  get items() {
    return [...this.#items.values()];
  }

  in(...states) {
    return this.items.filter((item) => states.includes(item.state));
  }

  /** New entries, in order; what they are beyond the defaults is told by `known`. */
  add(known) {
    const items = known.map((one) => ({ ...fresh(), ...one, id: ++this.#count }));
    for (const item of items) {
      this.#items.set(item.id, item);
      this.#changed.add(item);
    }
    this.#tell();
    return items;
  }

  get(id) {
    return this.#items.get(id);
  }

  set(item, changes) {
    Object.assign(item, changes);
    if (!this.#items.has(item.id)) return;
    this.#changed.add(item);
    this.#tell();
  }

  remove(items) {
    for (const item of items) {
      this.#items.delete(item.id);
      item.isRemoved = true;
      this.#changed.add(item);
    }
    if (items.length) this.#tell();
  }

  /** What changed since this was asked for the last time: a thousand changes are shown at once. */
  takeChanges() {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Files and bytes by what became of them. `sent` counts acknowledged bytes and those on their way. */
export function totals(items) {
  const sum = { files: items.length, bytes: 0, sent: 0, states: {} };
  for (const { state, size, offset, inFlight } of items) {
    sum.states[state] = (sum.states[state] ?? 0) + 1;
    if (["cancelled", "refused", "skipped", "here"].includes(state)) continue;
    sum.bytes += size;
    sum.sent += state === "received" ? size : Math.min(size, offset + inFlight);
  }
  const count = (...states) => states.reduce((all, state) => all + (sum.states[state] ?? 0), 0);
  return { ...sum, count, toCome: count(...TO_COME), ended: count(...ENDED) };
}

/** What tells one chosen file from another. */
export function print({ path, size, modified }) {
  return `${path}:${size}:${modified}`;
}

function fresh() {
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
    hashed: null,
    upload: null,
    parts: null,
    partBytes: 0,
    offset: 0,
    inFlight: 0,
    words: "",
    hint: "",
    photo: null,
  };
}
