/* <photo-grid>: an album's photos. Keeps their order and the scroll position while htmx adds tiles, shows placeholders, and moves the
   focus with the arrow keys. */
import { onKeyDown } from "../grid/focus-keys.js";
import { NewTiles } from "../grid/new-tiles.js";
import { showPlaceholders } from "../grid/placeholders.js";
import { anchor, restore, restoreKept, save } from "../grid/scroll-position.js";

class PhotoGrid extends HTMLElement {
  #newTiles = new NewTiles(() => showPlaceholders(this));
  #onScrollEnd = () => save(this.#list);
  #onPageShow = ({ persisted }) => persisted && restoreKept(this.#list);

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
    addEventListener("pageshow", this.#onPageShow);
    history.scrollRestoration = "manual";
    showPlaceholders(this);
    restore(this.#list);
  }

  disconnectedCallback() {
    this.#newTiles.disconnect();
    document.removeEventListener("scrollend", this.#onScrollEnd);
    removeEventListener("pageshow", this.#onPageShow);
  }
}

customElements.define("photo-grid", PhotoGrid);
