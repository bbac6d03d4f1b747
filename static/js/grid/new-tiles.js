/* New tiles in the list, from further windows and from the upload panel. Each photo is shown once, in its latest version. */
import { TILE, place } from "./tile-order.js";

export class NewTiles {
  #list;
  #waiting = new Map(); // tiles whose window is not loaded, by id
  #onAdded;
  #observer = new MutationObserver((changes) => this.#onChange(changes));

  /** `onAdded` is called after tiles were added. */
  constructor(onAdded) {
    this.#onAdded = onAdded;
  }

  /* The list is observed, because htmx dispatches no event on it for out-of-band swaps. */
  observe(list) {
    this.#list = list;
    this.#observer.observe(list, { childList: true });
  }

  disconnect() {
    this.#observer.disconnect();
  }

  #onChange(changes) {
    const nodes = changes.flatMap(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes]);
    for (const node of nodes) if (node.matches?.(TILE) && node.parentElement) this.#show(node);
    if (nodes.some((node) => node.matches?.(".grid__edge"))) this.#retry();
    this.#onAdded();
  }

  #show(tile) {
    const stackIds = tile.dataset.showsFor?.split(" ") ?? [];
    // A RAW that was shown first is removed when its JPEG arrives, which represents both.
    const obsolete = stackIds.map((id) => document.getElementById(`photo-${id}`)).filter(Boolean);
    const shown = this.#list.querySelector(`#${tile.id}`);
    // Two responses may bring the same photo: a poll, and an action that overtook it; or one after a file was added to its stack.
    const isUnchanged = shown !== tile && version(shown) === version(tile);
    if (shown !== tile) obsolete.push(isUnchanged ? tile : shown);
    const hasFocus = obsolete.some((element) => element.contains(document.activeElement));
    if (shown && shown !== tile && !isUnchanged) shown.before(tile); // the new version takes its place
    for (const element of obsolete) element.remove();
    if (isUnchanged) return;
    if (!place(tile)) this.#waiting.set(tile.id, tile);
    else if (hasFocus) tile.querySelector("a").focus({ preventScroll: true });
  }

  /* A window that was read before the photo was ready does not contain it. */
  #retry() {
    const tiles = [...this.#waiting.values()].filter((tile) => !this.#list.querySelector(`#${tile.id}`));
    this.#waiting.clear();
    this.#list.append(...tiles);
  }
}

function version(tile) {
  const image = tile.querySelector("img");
  return [tile.dataset.position, tile.dataset.showsFor, image?.srcset, image?.alt, tile.textContent.trim()].join();
}
