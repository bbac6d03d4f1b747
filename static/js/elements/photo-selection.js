/* <photo-selection>: selects photos of the page's grid, and sends the selection with the actions of the bar. Reads from the bar's form what
   "all" means: the album or search. Photos that are not loaded can be selected too. */
import { neighbour } from "../grid/focus-keys.js";
import { TILE } from "../grid/tile-order.js";
import { photoId, showChecked, takeOver } from "../selection/checkboxes.js";
import { Lasso, overlap } from "../selection/lasso.js";
import { onLongPress } from "../selection/long-press.js";
import { Selected } from "../selection/selected.js";
import { isUploading, setField, submitInPlace, submitTo } from "../selection/submit.js";
import { openTargets } from "../selection/target-dialog.js";
import { isTyping } from "../typing.js";

const BUSY = "dialog[open], details.menu[open], .tile--moved"; // these have a use of their own for the keys
const CONTROLS = "a, button, input, label, select, summary, textarea, details, dialog, upload-desk, photo-selection, .album-head, .masthead";

class PhotoSelection extends HTMLElement {
  #selected = new Selected();
  #grid;
  #form;
  #lasso;
  #stop;
  #observer = new MutationObserver(() => this.#grid && showChecked(this.#grid, this.#selected));

  connectedCallback() {
    this.#grid = document.getElementById("photo-grid");
    this.#form = this.querySelector("form");
    if (!this.#grid) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#grid.addEventListener("click", this.#onClick, { signal });
    this.#grid.addEventListener("keydown", this.#onGridKey, { signal });
    document.addEventListener("keydown", this.#onKey, { signal, capture: true });
    document.addEventListener("click", this.#onSelectLink, { signal });
    this.addEventListener("click", this.#onBarClick, { signal });
    this.#form.addEventListener("change", this.#onAll, { signal });
    this.#grid.addEventListener("photo-place", this.#onPlace, { signal });
    this.#form.addEventListener("submit", this.#onSubmit, { signal });
    onLongPress(this.#grid, this.#onLongPress, signal);
    this.#lasso = new Lasso({ canStart: this.#canDraw, onStart: this.#beginLasso, onChange: this.#onLasso });
    this.#observer.observe(this.#grid, { childList: true });
    this.#selected.set(takeOver(this.#grid), true);
    this.#show();
  }

  disconnectedCallback() {
    this.#stop?.abort();
    this.#lasso?.disconnect();
    this.#observer.disconnect();
  }

  get #isActive() {
    return this.hasAttribute("data-active");
  }

  get #total() {
    return Number(document.getElementById("photo-count")?.textContent.replace(/\D/g, "") || this.dataset.total);
  }

  get #tiles() {
    return [...this.#grid.querySelectorAll(TILE)];
  }

  #onClick = (event) => {
    const tile = event.target.closest(TILE);
    const isCheck = event.target.matches(".tile__check");
    const isKey = !event.detail && !isCheck; // Enter on the link opens the photo
    if (!tile || event.button || isKey || event.altKey) return;
    const isModified = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!isCheck && !isModified && !this.#isActive) return;
    if (!isCheck) event.preventDefault();
    if (event.shiftKey) this.#extendTo(tile);
    else this.#selected.toggle(photoId(tile));
    if (!isCheck) tile.querySelector("a").focus({ preventScroll: true });
    this.#change();
  };

  #onGridKey = (event) => {
    const tile = event.target.closest(TILE);
    if (!tile || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const next = event.shiftKey && neighbour(event.key, tile);
    if (next) {
      if (!this.#selected.has(photoId(tile))) this.#selected.toggle(photoId(tile));
      this.#extendTo(next);
      next.querySelector("a").focus();
    } else if (!event.shiftKey && (event.key === " " || event.key.toLowerCase() === "x") && !event.target.matches(".tile__check")) {
      this.#selected.toggle(photoId(tile));
    } else return;
    event.preventDefault();
    this.#change();
  };

  #onKey = (event) => {
    if (isTyping(event.target) || event.altKey || document.querySelector(BUSY)) return;
    const isAll = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "a";
    if (isAll && this.#total) this.#selected.selectAll();
    else if (event.key === "Escape" && this.#isActive) return this.#end();
    else if (event.key === "Delete" && this.#isActive && !event.repeat) return this.querySelector("[data-delete]")?.click();
    else return;
    event.preventDefault();
    this.#change();
  };

  #onSelectLink = (event) => {
    const link = event.target.closest("a[data-select]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    link.closest("details")?.removeAttribute("open");
    this.#start();
    this.#tiles.find((tile) => tile.getBoundingClientRect().bottom > 0)?.querySelector("a").focus({ preventScroll: true });
  };

  #onLongPress = (target) => {
    const tile = target.closest(TILE);
    if (tile && !this.#grid.matches(".grid--moving")) this.#start(tile);
  };

  #onBarClick = (event) => {
    if (!event.target.closest("[data-action=end]")) return;
    event.preventDefault();
    this.#end();
  };

  #onAll = ({ target }) => {
    if (!target.matches("[data-all]")) return;
    if (target.checked) this.#selected.selectAll();
    else this.#selected.clear();
    this.#change();
  };

  #onSubmit = async (event) => {
    const button = event.submitter;
    if (!this.#selected.count(this.#total)) {
      event.preventDefault();
      return this.#announce("Select at least one photo first.");
    }
    this.#fillIn();
    if (!button?.matches("[data-dialog]")) {
      if (!isUploading() || button?.matches("[data-page]")) return undefined;
      event.preventDefault();
      return submitInPlace(this.#form, button.formAction, button);
    }
    event.preventDefault();
    button.disabled = true;
    const isShown = await openTargets(button.formAction, new FormData(this.#form, button), button);
    button.disabled = false;
    if (!isShown) submitTo(this.#form, button.formAction);
    return undefined;
  };

  /** Writes the selection into the form. Afterwards the page shows the same photos again. */
  #fillIn() {
    const [first] = this.#tiles.filter((tile) => tile.getBoundingClientRect().bottom > 0);
    const isAtTop = scrollY < innerHeight && !this.#grid.querySelector(".grid__edge--prev");
    const next = this.#form.elements.namedItem("next");
    const parameters = new URLSearchParams(location.search);
    for (const name of ["after", "before", "from", "select"]) parameters.delete(name);
    if (first && !isAtTop) parameters.set("from", first.dataset.position);
    next.value = `${location.pathname}${parameters.size ? "?" : ""}${parameters}`;
    for (const [name, value] of Object.entries(this.#selected.fields())) setField(this.#form, name, value);
  }

  /* Dragging a tile moves it in the album (<photo-order>). */
  #canDraw = ({ target }) => Boolean(target.closest("main")) && !target.closest(`${TILE}, ${CONTROLS}`);

  /* All selected photos move together. */
  #onPlace = (event) => {
    const { tile, slot } = event.detail;
    const url = this.dataset.placeUrl;
    if (!url || !this.#selected.has(photoId(tile)) || this.#selected.count(this.#total) < 2) return;
    event.preventDefault();
    this.#fillIn();
    setField(this.#form, slot.isBehind ? "after" : "before", photoId(slot.tile));
    submitTo(this.#form, url);
  };

  #restore;

  #beginLasso = () => {
    this.#restore = this.#selected.snapshot();
  };

  #onLasso = (rectangle) => {
    this.#restore();
    const inside = this.#tiles.filter((tile) => overlap(tile.getBoundingClientRect(), rectangle));
    this.#selected.set(inside.map(photoId), true);
    if (inside.length || this.#isActive) this.#change();
  };

  #extendTo(tile) {
    this.#selected.extendTo(photoId(tile), this.#tiles.map(photoId));
  }

  #start(tile) {
    this.toggleAttribute("data-active", true);
    if (tile && !this.#selected.has(photoId(tile))) this.#selected.toggle(photoId(tile));
    navigator.vibrate?.(10);
    this.#change();
  }

  #end() {
    this.#selected.clear();
    this.toggleAttribute("data-active", false);
    this.#show();
    this.#announce("Selection ended.");
  }

  #change() {
    this.toggleAttribute("data-active", true);
    this.#show();
    this.#announce(this.#text);
  }

  /** The number of selected photos as text. Search results beyond 10,000 are not counted. */
  get #count() {
    const count = this.#selected.count(this.#total);
    return `${count.toLocaleString("en")}${this.#selected.isAll && this.hasAttribute("data-more") ? "+" : ""}`;
  }

  get #text() {
    const count = this.#selected.count(this.#total);
    return count ? `${this.#count} photo${count === 1 ? "" : "s"} selected` : "No photos selected";
  }

  #show() {
    const count = this.#selected.count(this.#total);
    showChecked(this.#grid, this.#selected);
    this.#grid.classList.toggle("grid--selecting", this.#isActive);
    this.querySelector("[data-count]").textContent = this.#isActive && count ? `${this.#count} selected` : "Select photos";
    const all = this.querySelector("[data-all]");
    all.removeAttribute("name"); // the script's own field is sent
    all.checked = this.#selected.isAll && count === this.#total;
    this.querySelector("[data-total-text]").textContent = this.#total.toLocaleString("en"); // photos may have arrived since
    all.indeterminate = count > 0 && !all.checked;
    for (const button of this.#form.querySelectorAll("button")) button.disabled = !count || (button.matches("[data-only-one]") && count !== 1);
  }

  #announce(text) {
    this.querySelector("[data-status]").textContent = text;
  }
}

customElements.define("photo-selection", PhotoSelection);
