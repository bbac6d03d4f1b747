/* Stores the files that have not arrived in IndexedDB, by user and album, so that they outlive the page. Where the browser has file handles,
   these are stored too, and the user need not choose the files again. Without IndexedDB nothing is stored, and uploads work as before. */

const [NAME, VERSION, STORE] = ["darkroom", 1, "files"];
const ROWS_PER_TRANSACTION = 100; // so that the page stays responsive
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const STORED_FIELDS = ["name", "path", "size", "modified", "handle", "grant", "album", "sha256", "upload", "isSkipped", "isCompanion"];

export class Persistence {
  #person;
  #page;
  #database;
  #keys = new Map();
  #forgotten = new WeakSet();

  /** `person` and `page` (the id of the album on whose page the files were chosen) are strings. */
  constructor(person, page) {
    this.#person = person;
    this.#page = page;
    this.#database = openDatabase().catch(() => null);
  }

  /** Resolves with the files that earlier pages and other tabs have stored for this page, in order. Files older than a week are deleted. */
  async all() {
    const rows = (await this.#transaction("readonly", (store) => store.index("whose").getAll([this.#person, this.#page]))) ?? [];
    const [old, recent] = [[], []];
    for (const row of rows) (Date.now() - row.at > MAX_AGE_MS ? old : recent).push(row);
    if (old.length) await this.#transaction("readwrite", (store) => old.forEach(({ key }) => store.delete(key)));
    const ownKeys = new Set(this.#keys.values()); // files that were added while the page was starting
    return recent.filter(({ key }) => !ownKeys.has(key)).sort((a, b) => a.order - b.order);
  }

  /** Stores the items as they are now. An item with the `key` of a stored row replaces that row. */
  async save(items) {
    for (const item of items) this.#forgotten.delete(item);
    for (let start = 0; start < items.length; start += ROWS_PER_TRANSACTION) await this.#saveSome(items.slice(start, start + ROWS_PER_TRANSACTION));
  }

  #saveSome(items) {
    return this.#transaction("readwrite", (store) => {
      for (const item of items.filter((candidate) => !this.#forgotten.has(candidate))) {
        if (!this.#keys.has(item)) this.#keys.set(item, item.key ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
        const row = Object.fromEntries(STORED_FIELDS.map((name) => [name, item[name]]));
        store.put({ ...row, order: item.id, key: this.#keys.get(item), person: this.#person, page: this.#page, at: Date.now() });
      }
    });
  }

  async forget(items) {
    for (const item of items) this.#forgotten.add(item); // even if its turn to be stored has not come yet
    const keys = items.map((item) => this.#keys.get(item) ?? item.key).filter(Boolean);
    if (keys.length) await this.#transaction("readwrite", (store) => keys.forEach((key) => store.delete(key)));
  }

  /** Resolves with the result of the request that `act(store)` returns; null without a database, or when it is full. */
  async #transaction(mode, act) {
    const database = await this.#database;
    if (!database) return null;
    return new Promise((resolve) => {
      try {
        const transaction = database.transaction(STORE, mode);
        const request = act(transaction.objectStore(STORE));
        transaction.oncomplete = () => resolve(request?.result ?? null);
        transaction.onerror = transaction.onabort = () => resolve(null);
      } catch {
        resolve(null);
      }
    });
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "key" }).createIndex("whose", ["person", "page"]);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error);
  });
}
