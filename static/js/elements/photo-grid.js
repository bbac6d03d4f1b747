/* <photo-grid>: new photos are put at its list's end as they become ready. Each is shown once, as it was told last, in the album's
   order.

   A RAW that came first goes when its JPEG comes, which shows for both. It watches the list itself, because htmx tells nobody when
   it has added to one out of band. */

class PhotoGrid extends HTMLElement {
  #observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(place)));

  connectedCallback() {
    this.#observer.observe(this.querySelector(".grid"), { childList: true });
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }
}

function place(tile) {
  if (!tile.matches?.(".tile") || !tile.parentElement) return;
  const old = (tile.dataset.showsFor?.split(" ") ?? []).map((half) => document.getElementById(`photo-${half}`)).filter(Boolean);
  const shown = document.getElementById(tile.id);
  // Two answers may bring the same photo: a poll, and the action that overtook it; or one to which something was added.
  const isKnown = shown !== tile && shown.isEqualNode(tile);
  if (shown !== tile) old.push(isKnown ? tile : shown);
  const hasFocus = old.some((one) => one.contains(document.activeElement));
  for (const one of old) one.remove();
  if (isKnown) return;
  putInOrder(tile);
  if (hasFocus) tile.querySelector("a").focus({ preventScroll: true });
}

function putInOrder(tile) {
  let before = tile.previousElementSibling;
  while (before && isBefore(tile, before)) before = before.previousElementSibling;
  if (before === tile.previousElementSibling) return;
  if (before) before.after(tile);
  else tile.parentElement.prepend(tile);
}

function isBefore(tile, other) {
  const gap = Number(tile.dataset.position) - Number(other.dataset.position);
  return gap < 0 || (gap === 0 && number(tile) < number(other));
}

function number(tile) {
  return Number(tile.id.replace("photo-", ""));
}

customElements.define("photo-grid", PhotoGrid);
