/* <photo-grid>: an album's photos. Keeps their order and the scroll position while htmx adds tiles, shows placeholders, and moves the
   focus with the arrow keys. */
import { onKeyDown } from "../grid/focus-keys.js";
import { NewTiles } from "../grid/new-tiles.js";
import { showPlaceholders } from "../grid/placeholders.js";
import { anchor, restore, save } from "../grid/scroll-position.js";

class PhotoGrid extends HTMLElement {
  #newTiles = new NewTiles(() => showPlaceholders(this));
  #onScrollEnd = () => save(this.#list);

  get #list() {
    return this.querySelector(".grid");
  }

  connectedCallback() {
    this.#newTiles.observe(this.#list);
    this.addEventListener("keydown", onKeyDown);
    this.addEventListener("click", ({ target }) => save(this.#list, target.closest(".tile")));
    this.addEventListener("htmx:beforeSwap", ({ target }) => {
      // htmx swaps synchronously: the photos are back in their place before the page is painted.
      if (target.matches(".grid__edge--prev")) queueMicrotask(anchor(this.#list));
    });
    document.addEventListener("scrollend", this.#onScrollEnd);
    history.scrollRestoration = "manual";
    showPlaceholders(this);
    restore(this.#list);
  }

  disconnectedCallback() {
    this.#newTiles.disconnect();
    document.removeEventListener("scrollend", this.#onScrollEnd);
  }
}

<<<<<<< HEAD
=======
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

>>>>>>> tray
customElements.define("photo-grid", PhotoGrid);
