/* The photo that the viewer showed last, for the grid that it leads back to. Each tab has its own. */

const STORAGE_KEY = "darkroom-last-photo";

/** Records the photo by the viewer's link to its tile. */
export function record(link) {
  sessionStorage.setItem(STORAGE_KEY, link);
}

/** Returns {id, url} of the tile if it belongs to this page, else null; and forgets the photo. */
export function take() {
  const link = sessionStorage.getItem(STORAGE_KEY);
  sessionStorage.removeItem(STORAGE_KEY);
  if (!link) return null;
  const { pathname, hash } = new URL(link);
  return pathname === location.pathname && hash ? { id: hash.slice(1), url: link } : null;
}
