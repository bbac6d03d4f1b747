/* Stores the files that have not arrived in IndexedDB, by user and album, so that they outlive the page: also those that wait for a choice or
   for another batch. Where the browser has file handles, these are stored too, and the user need not choose the files again. Without IndexedDB
   nothing is stored, and uploads work as before. */
import { sleep } from "../transport/retry.js";
import { TabLock } from "./tab-lock.js";

const [NAME, VERSION, STORE] = ["darkroom", 1, "files"];
const ROWS_PER_TRANSACTION = 100; // so that the page stays responsive
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const STORED_FIELDS = ["name", "path", "size", "modified", "handle", "grant", "album", "sha256", "upload", "state", "isHeld", "isSkipped", "isCompanion", "serverState", "photo", "otherAlbum", "choice"];
const CLOSING_MS = 1000; // until the browser has released the locks of a tab that was closed or reloaded

export class Persistence {
  #person;
  #page;
  #database;
  #keys = new Map();
  #forgotten = new WeakSet();
  #tab = randomId();
  #openTabs = new TabLock(() => {}, "tab");

  /** `person` and `page` (the id of the album on whose page the files were chosen) are strings. */
  constructor(person, page) {
    this.#person = person;
    this.#page = page;
    this.#database = openDatabase().catch(() => null);
  }

  /** Resolves with the files that earlier pages and other tabs have stored for this page, in order, but not with unsent ones of a tab that is
      open: it still has them. Files older than a week are deleted. */
  async all() {
    const rows = (await this.#transaction("readonly", (store) => store.index("whose").getAll([this.#person, this.#page]))) ?? [];
    const [old, recent] = [[], []];
    for (const row of rows) (Date.now() - row.at > MAX_AGE_MS ? old : recent).push(row);
    if (old.length) await this.#transaction("readwrite", (store) => old.forEach(({ key }) => store.delete(key)));
    const openTabs = await this.#openTabsOf(recent.filter(isUnsent));
    const ownKeys = new Set(this.#keys.values()); // files that were added while the page was starting
    return recent.filter((row) => !ownKeys.has(row.key) && !(isUnsent(row) && openTabs.has(row.tab))).sort((a, b) => a.order - b.order);
  }

  /** Resolves with the ids of the tabs that stored the rows and are open. */
  async #openTabsOf(rows) {
    const tabs = [...new Set(rows.map(({ tab }) => tab))];
    if (!(await this.#openTabs.isHeldElsewhere(tabs))) return new Set();
    await sleep(CLOSING_MS);
    const areOpen = await Promise.all(tabs.map((tab) => this.#openTabs.isHeldElsewhere([tab])));
    return new Set(tabs.filter((_, index) => areOpen[index]));
  }

  /** Stores the items as they are now. An item with the `key` of a stored row replaces that row. */
  async save(items) {
    for (const item of items) this.#forgotten.delete(item);
    if (items.some(isUnsent)) await this.#openTabs.acquire(this.#tab); // not sooner: a page with a lock is not kept for the Back button
    for (let start = 0; start < items.length; start += ROWS_PER_TRANSACTION) await this.#saveSome(items.slice(start, start + ROWS_PER_TRANSACTION));
  }

  #saveSome(items) {
    return this.#transaction("readwrite", (store) => {
      for (const item of items.filter((candidate) => !this.#forgotten.has(candidate))) {
        if (!this.#keys.has(item)) this.#keys.set(item, item.key ?? randomId());
        const row = Object.fromEntries(STORED_FIELDS.map((name) => [name, item[name]]));
        store.put({ ...row, order: item.id, key: this.#keys.get(item), person: this.#person, page: this.#page, tab: this.#tab, at: Date.now() });
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

/** Whether a stored file waits for a choice, a decision, or another batch. Pure. */
export function isUnsent({ state }) {
  return state === "chosen" || state === "later" || state === "held";
}

function randomId() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // on plain http there is no randomUUID()
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
