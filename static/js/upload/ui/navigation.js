/* Follows links without leaving the document while files are being uploaded: the body of the new page replaces everything but the tray. Any
   other link, form or address leaves the page as usual, after the browser has asked. */

const PLACE = "isInPlace";
let shown = pathOf(location);
let visits = 0; // a response that another visit has overtaken is ignored

/** The id of the album that an address belongs to; null if it is not that of an album's page. Pure. */
export function albumOf({ pathname }) {
  return pathname.match(/^\/albums\/(\d+)\/$/)?.[1] ?? null;
}

/** Shows the page at `url` in this document, and adds it to the browser's history. */
export async function goTo(url) {
  const visit = ++visits;
  const page = await fetchPage(url);
  if (visit !== visits) return;
  if (!page) return location.assign(url);
  history.replaceState({ ...history.state, [PLACE]: true, scroll: scrollY }, "");
  if (pathOf(new URL(page.url)) !== pathOf(location)) history.pushState({ [PLACE]: true }, "", page.url);
  replaceBody(page.document);
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) target.scrollIntoView();
  else scrollTo(0, 0);
  document.querySelector("main")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || !isFollowed(event, link) || !document.querySelector("upload-desk")?.hasUnsent) return;
  event.preventDefault();
  goTo(link.href);
});

addEventListener("popstate", async ({ state }) => {
  if (!state?.[PLACE] || pathOf(location) === shown) return;
  const visit = ++visits;
  const page = await fetchPage(location.href);
  if (visit !== visits) return;
  if (!page) return location.reload();
  replaceBody(page.document);
  if (!state.grid) scrollTo(0, state.scroll ?? 0); // <photo-grid> restores its own position
});

function isFollowed(event, link) {
  const isPlainClick = event.button === 0 && !event.defaultPrevented && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const isSamePage = link.hash && pathOf(link) === pathOf(location);
  return isPlainClick && !link.target && !link.hasAttribute("download") && link.origin === location.origin && !isSamePage;
}

/** Resolves with {url, document}; null for anything but a page of this site, such as a file or the admin. */
async function fetchPage(url) {
  const stop = new AbortController();
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: stop.signal });
    const isPage = response.headers.get("Content-Type")?.startsWith("text/html") && response.headers.get("Content-Disposition") === null;
    if (!isPage) return stop.abort(), null;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector("main#content") ? { url: response.url + new URL(url, location.href).hash, document: page } : null;
  } catch {
    return null;
  }
}

/** Replaces the body's content, except for a tray that is uploading. */
function replaceBody(page) {
  const tray = document.querySelector("upload-desk");
  const isKept = tray?.hasUnsent;
  if (isKept) page.querySelector("upload-desk")?.remove();
  else tray?.remove();
  for (const element of [...document.body.childNodes]) if (element !== tray) element.remove();
  document.body.prepend(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
  document.body.className = page.body.className;
  document.title = page.title;
  shown = pathOf(location);
  htmx.process(document.body);
  document.dispatchEvent(new CustomEvent("page-replaced"));
}

function pathOf({ pathname, search }) {
  return pathname + search;
}
