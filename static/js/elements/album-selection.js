/* <album-selection>: selecting albums in the list, by checkbox, with Shift for a range, Ctrl/Cmd+A for the page and Escape for none. A long press
   on a touch screen selects too. The bar is a form, which works without this. */
import { plural } from "../format.js";
import { isTyping } from "../typing.js";

const LONG_PRESS_MS = 500;

class AlbumSelection extends HTMLElement {
  #stop = new AbortController();
  #last = null;
  #press = null;

  connectedCallback() {
    const { signal } = this.#stop;
    const on = (target, name, listener, options) => target.addEventListener(name, listener, { signal, ...options });
    for (const button of this.querySelectorAll("[data-clear-selection], [data-select-all]")) button.hidden = false;
    on(this, "click", (event) => this.#onClick(event), { capture: true });
    on(this, "change", () => this.#update());
    on(document, "keydown", (event) => this.#onKey(event));
    on(this, "pointerdown", (event) => this.#beginPress(event));
    for (const name of ["pointerup", "pointercancel", "pointermove"]) on(this, name, (event) => this.#endPress(event));
    on(this, "contextmenu", (event) => this.#press?.isLong && event.preventDefault());
    on(window, "pageshow", () => this.#update()); // the browser restores checkboxes after Back
    this.#update();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  get #boxes() {
    return [...this.querySelectorAll(".card__select input")];
  }

  get #checked() {
    return this.#boxes.filter((box) => box.checked);
  }

  #onClick(event) {
    if (event.target.closest("[data-clear-selection]")) return this.#setAll(false);
    if (event.target.closest("[data-select-all]")) return this.#setAll(true);
    if (this.#press?.isLong && event.target.closest(".card__link")) {
      event.preventDefault(); // the click after a long press
      this.#press = null;
      return;
    }
    const box = event.target.matches(".card__select input") ? event.target : null;
    const link = event.target.closest(".card__link");
    if (link && (event.ctrlKey || event.metaKey || this.#checked.length)) return this.#toggleByLink(event, link);
    if (!box) return;
    if (event.shiftKey && this.#last) this.#selectRange(box);
    this.#last = box;
  }

  /** While albums are selected, a click on an album selects it instead of opening it. */
  #toggleByLink(event, link) {
    event.preventDefault();
    const box = link.closest(".card").querySelector(".card__select input");
    box.checked = !box.checked;
    if (event.shiftKey && this.#last) this.#selectRange(box);
    this.#last = box;
    this.#update();
  }

  #selectRange(box) {
    const boxes = this.#boxes;
    const [from, to] = [boxes.indexOf(this.#last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
  }

  #onKey(event) {
    if (isTyping(event.target) || document.querySelector("details.menu[open]")) return;
    if (event.key === "Escape" && this.#checked.length) this.#setAll(false);
    if (event.key.toLowerCase() !== "a" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#setAll(true);
  }

  #setAll(isChecked) {
    const hadFocus = this.querySelector(".selection-bar").contains(document.activeElement);
    for (const box of this.#boxes) box.checked = isChecked;
    this.#update();
    if (hadFocus && !isChecked) this.#boxes[0].focus(); // the bar disappears
  }

  #beginPress(event) {
    const link = event.pointerType === "mouse" ? null : event.target.closest(".card__link");
    this.#press = null;
    if (!link) return;
    const press = { x: event.clientX, y: event.clientY, isLong: false };
    press.timer = setTimeout(() => {
      press.isLong = true;
      const box = link.closest(".card").querySelector(".card__select input");
      [box.checked, this.#last] = [true, box];
      this.#update();
    }, LONG_PRESS_MS);
    this.#press = press;
  }

  #endPress(event) {
    if (!this.#press) return;
    const hasMoved = Math.hypot(event.clientX - this.#press.x, event.clientY - this.#press.y) > 8;
    if (event.type !== "pointermove" || hasMoved) clearTimeout(this.#press.timer);
  }

  #update() {
    const count = this.#checked.length;
    this.querySelector("[data-selection-count]").textContent = count ? `${plural(count, "album")} selected` : "Select albums";
    for (const button of this.querySelectorAll(".selection-bar [formaction]")) button.disabled = !count;
    this.querySelector("[data-clear-selection]").disabled = !count;
  }
}

customElements.define("album-selection", AlbumSelection);
