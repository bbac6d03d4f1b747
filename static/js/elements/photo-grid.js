/* <photo-grid>: keeps the album's order while htmx appends new photos to its list as they become ready, and shows each photo once, in its
   latest version.

   A RAW file that was shown first is removed when its JPEG, which stands for both, arrives. The element observes the list itself, because
   htmx dispatches no event on it for out-of-band swaps. */

class PhotoGrid extends HTMLElement {
  #observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(placeTile)));

  connectedCallback() {
    this.#observer.observe(this.querySelector(".grid"), { childList: true });
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }
}

function placeTile(tile) {
  if (!tile.matches?.(".tile:not(.tile--pending)") || !tile.parentElement) return;
  const stackIds = tile.dataset.showsFor?.split(" ") ?? [];
  const obsolete = stackIds.map((id) => document.getElementById(`photo-${id}`)).filter(Boolean);
  const shown = document.getElementById(tile.id);
  // Two responses may bring the same photo: a poll, and an action that overtook it; or one after a file was added to its stack.
  const isUnchanged = shown !== tile && shown.isEqualNode(tile);
  if (shown !== tile) obsolete.push(isUnchanged ? tile : shown);
  const hasFocus = obsolete.some((element) => element.contains(document.activeElement));
  if (shown && shown !== tile && !isUnchanged) shown.before(tile); // the new version takes its place
  for (const element of obsolete) element.remove();
  if (isUnchanged) return;
  moveIntoOrder(tile);
  if (hasFocus) tile.querySelector("a").focus({ preventScroll: true });
}

function moveIntoOrder(tile) {
  let before = tile.previousElementSibling;
  while (before && isBefore(tile, before)) before = before.previousElementSibling;
  if (before === tile.previousElementSibling) return;
  if (before) before.after(tile);
  else tile.parentElement.prepend(tile);
}

function isBefore(tile, other) {
  const distance = Number(tile.dataset.position) - Number(other.dataset.position);
  return distance < 0 || (distance === 0 && photoId(tile) < photoId(other));
}

function photoId(tile) {
  return Number(tile.id.replace("photo-", ""));
}

customElements.define("photo-grid", PhotoGrid);
