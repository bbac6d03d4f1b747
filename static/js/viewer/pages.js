/* The pages of other photos: fetched, and their pictures decoded, before they are shown. */

/** A loaded page: `url`, `title`, `viewer` (the article to show), `toasts` (elements), and `isDecoded`, a promise. */
export class Pages {
  #loads = new Map();
  #aborter = new AbortController();

  /** Starts to load a page. Without a URL, or for a page that is loading or loaded, does nothing. */
  preload(url) {
    if (!url || this.#loads.has(url)) return;
    const load = fetchPage(url, { signal: this.#aborter.signal });
    load.catch(() => this.#loads.delete(url)); // it is fetched again when it is needed
    this.#loads.set(url, load);
  }

  /** Returns a page, which is fetched unless it is preloaded; null if the server sends something else than a photo. */
  take(url) {
    const load = this.#loads.get(url) ?? fetchPage(url);
    this.#loads.delete(url);
    return load;
  }

  /** Submits a form and returns the page that the server redirects to. Preloaded pages are dropped: they may be outdated now. */
  submit(form, submitter) {
    this.clear();
    return fetchPage(form.action, { method: "POST", body: new FormData(form, submitter) });
  }

  /** Drops all pages but these. */
  keepOnly(urls) {
    for (const url of this.#loads.keys()) if (!urls.includes(url)) this.#loads.delete(url);
  }

  clear() {
    this.#aborter.abort();
    this.#aborter = new AbortController();
    this.#loads.clear();
  }
}

async function fetchPage(url, options) {
  const response = await fetch(url, options);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const parsed = page.querySelector("photo-viewer > .viewer");
  if (!response.ok || !parsed) return null;
  const viewer = document.importNode(parsed, true); // from here on, the browser loads its picture
  const image = viewer.querySelector(".viewer__image");
  if (image) image.decoding = "sync"; // a decoded picture appears in the same frame as its page
  const isDecoded = image ? image.decode().then(() => (image.dataset.loaded = ""), () => {}) : Promise.resolve();
  return { url: response.url, title: page.title, viewer, toasts: [...page.querySelectorAll("#toasts > .toast")].map((toast) => document.importNode(toast, true)), isDecoded };
}
