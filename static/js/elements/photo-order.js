/* <photo-order data-order>: moves the photos of an album by dragging and by keyboard. Announces positions, asks before it ends another
   order, and has a Move mode in which a finger drags instead of scrolling.

   Before a move it dispatches "photo-place" on the grid, with the tile and the slot. A listener that moves several selected photos
   instead (POST /selection/place/) cancels the event. */
import { Drag } from "../order/drag.js";
import { KeyboardMove, nameOf } from "../order/keyboard.js";
import { apply, numberOf, place, RefusedError } from "../order/order-request.js";
import { isOwnPlace, tilesOf } from "../order/slot.js";

const UNSORTED = ["manual", "uploaded"];

class PhotoOrder extends HTMLElement {
  #list;
  #drag;

  connectedCallback() {
    this.#list = document.querySelector("photo-grid .grid");
    const onDrop = (tile, slot) => this.#drop(tile, slot);
    this.#drag = new Drag(this.#list, { isTouchAllowed: () => this.#isMoveMode, onDrop });
    new KeyboardMove(this.#list, { announce: this.#announce, numberOf, onDrop });
    document.addEventListener("click", this.#onClick);
    document.addEventListener("keydown", this.#onKeyDown);
    this.#list.addEventListener("click", this.#onTileClick, true);
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.#onClick);
    document.removeEventListener("keydown", this.#onKeyDown);
    this.#drag.cancel();
  }

  get #isMoveMode() {
    return this.#list.classList.contains("grid--moving");
  }

  #onClick = ({ target }) => {
    if (target.closest("[data-move-mode]")) this.#setMoveMode(true);
    else if (target.closest("[data-move-done]")) this.#setMoveMode(false);
  };

  #onKeyDown = (event) => {
    if (event.key === "Escape" && this.#isMoveMode && !event.defaultPrevented) this.#setMoveMode(false);
  };

  /* In Move mode, a tap that was meant as a drag must not open the photo. */
  #onTileClick = (event) => {
    if (this.#isMoveMode) event.preventDefault();
  };

  #setMoveMode(isOn) {
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    this.#list.classList.toggle("grid--moving", isOn);
    this.querySelector(".move-bar").hidden = !isOn;
    if (isOn) this.querySelector("[data-move-done]").focus({ preventScroll: true });
    this.#announce(isOn ? "Drag photos to move them. By keyboard, press M on a photo." : "Finished moving photos.");
  }

  async #drop(tile, slot) {
    if (isOwnPlace(tilesOf(this.#list), tile, slot)) return;
    const event = new CustomEvent("photo-place", { bubbles: true, cancelable: true, detail: { tile, slot } });
    if (!this.#list.dispatchEvent(event) || !(await this.#mayEndOrder())) return;
    tile.classList.add("tile--saving");
    try {
      const { positions, toast, url } = await place(tile, slot);
      if (!Object.keys(positions).length || !slot.tile.isConnected) return show(url);
      const isFocused = tile.contains(document.activeElement);
      apply(this.#list, tile, slot, positions);
      if (isFocused) tile.querySelector("a").focus({ preventScroll: true });
      this.#setManual();
      document.getElementById("toasts").showRendered(toast);
      this.#announceMoved(tile);
    } catch (error) {
      const isRefused = error instanceof RefusedError;
      const advice = isRefused ? "The album has changed meanwhile. Reload the page" : "Check the connection";
      document.getElementById("toasts").show(`${nameOf(tile)} was not moved. ${advice} and try again.`, "error");
    } finally {
      tile.classList.remove("tile--saving");
    }
    return undefined;
  }

  /** Asks, if the album is sorted. Resolves to whether the photo is to be moved. */
  #mayEndOrder() {
    if (UNSORTED.includes(this.dataset.order)) return true;
    const dialog = this.querySelector("dialog");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "manual"), { once: true });
    });
  }

  #setManual() {
    this.dataset.order = "manual";
    const radio = document.querySelector('sort-menu [value="manual"]');
    if (radio) radio.checked = true;
  }

  async #announceMoved(tile) {
    try {
      const { number, count } = await numberOf(tile);
      this.#announce(`${nameOf(tile)} moved to position ${number} of ${count}.`);
    } catch {
      this.#announce(`${nameOf(tile)} moved.`);
    }
  }

  #announce = (text) => {
    this.querySelector("[role=status]").textContent = text;
  };
}

/** Loads the page at the URL, also if only its fragment differs from that of this page: this one shows an earlier state. */
function show(url) {
  const { pathname, search } = new URL(url, location.href);
  const isHere = pathname + search === location.pathname + location.search;
  location.assign(url);
  if (isHere) location.reload();
}

/* The photos are behind this element's start tag only when the page is parsed. */
customElements.define("photo-order", PhotoOrder);
