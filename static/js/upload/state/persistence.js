/* What outlives the page: the files that were to be sent, kept in IndexedDB by person and album until each has arrived. With the
   browser's file handles, where it has them, nobody needs to choose again. Without IndexedDB nothing is kept, and nothing breaks. */

const [NAME, VERSION, STORE] = ["darkroom", 1, "files"];
const A_WEEK_MS = 7 * 24 * 3600 * 1000;
const KEPT = ["name", "path", "size", "modified", "handle", "grant", "album", "sha256", "upload", "isSkipped", "isCompanion"];

export class Keep {
  #person;
  #page;
  #database;
  #keys = new Map();

  /** `person` and `page` (the album on whose page they were chosen) are strings. */
  constructor(person, page) {
    this.#person = person;
    this.#page = page;
    this.#database = open().catch(() => null);
  }

  /** The files of this page that had not arrived, as they were kept. Those of a week ago are let go. */
  async all() {
    const rows = (await this.#do("readonly", (store) => store.index("whose").getAll([this.#person, this.#page]))) ?? [];
    const [old, recent] = [[], []];
    for (const row of rows) (Date.now() - row.at > A_WEEK_MS ? old : recent).push(row);
    if (old.length) await this.#do("readwrite", (store) => old.forEach(({ key }) => store.delete(key)));
    return recent.sort((a, b) => a.order - b.order);
  }

  /** Keep these as they are now. `key` of a kept row continues it. */
  async save(items) {
    if (!items.length) return;
    await this.#do("readwrite", (store) => {
      for (const item of items) {
        if (!this.#keys.has(item)) this.#keys.set(item, item.key ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
        const row = Object.fromEntries(KEPT.map((name) => [name, item[name]]));
        store.put({ ...row, order: item.id, key: this.#keys.get(item), person: this.#person, page: this.#page, at: Date.now() });
      }
    });
  }

  async forget(items) {
    const keys = items.map((item) => this.#keys.get(item) ?? item.key).filter(Boolean);
    if (keys.length) await this.#do("readwrite", (store) => keys.forEach((key) => store.delete(key)));
  }

  /** The result of the last request in it; null when there is no database, or it is full. */
  async #do(mode, act) {
    const database = await this.#database;
    if (!database) return null;
    return new Promise((done) => {
      try {
        const transaction = database.transaction(STORE, mode);
        const request = act(transaction.objectStore(STORE));
        transaction.oncomplete = () => done(request?.result ?? null);
        transaction.onerror = transaction.onabort = () => done(null);
      } catch {
        done(null);
      }
    });
  }
}

function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "key" }).createIndex("whose", ["person", "page"]);
    };
    request.onsuccess = () => done(request.result);
    request.onerror = request.onblocked = () => failed(request.error);
  });
}
