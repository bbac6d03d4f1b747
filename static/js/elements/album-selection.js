/* <album-selection>: selecting albums in the list, by checkbox, with Shift for a range, Ctrl/Cmd+A for all of the list, also on other pages, and Escape for none. A long press
   on a touch screen selects too. The bar is a form, which works without this. */
import { plural } from "../format.js";
import { setField } from "../selection/submit.js";
import { isTyping } from "../typing.js";

const LONG_PRESS_MS = 500;

class AlbumSelection extends HTMLElement {
  #stop = new AbortController();
  #last = null;
  #press = null;
  #isAll = false; // then boxes that are not checked are exceptions

  connectedCallback() {
    const { signal } = this.#stop;
    const on = (target, name, listener, options) => target.addEventListener(name, listener, { signal, ...options });
    this.querySelector("[data-clear-selection]").hidden = false;
    this.#all.removeAttribute("name"); // the script's own field is sent
    this.#isAll = this.#all.checked;
    on(this, "click", (event) => this.#onClick(event), { capture: true });
    on(this, "change", (event) => (event.target === this.#all ? this.#setAll(this.#all.checked) : this.#update()));
    on(document, "keydown", (event) => this.#onKey(event));
    on(this, "pointerdown", (event) => this.#beginPress(event));
    for (const name of ["pointerup", "pointercancel", "pointermove"]) on(this, name, (event) => this.#endPress(event));
    on(this, "contextmenu", (event) => this.#press?.isLong && event.preventDefault());
    // The browser restores checkboxes after Back.
    on(window, "pageshow", () => {
      this.#isAll = this.#all.checked || this.#all.indeterminate;
      this.#update();
    });
    this.#update();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  get #all() {
    return this.querySelector("[data-select-all]");
  }

  get #boxes() {
    return [...this.querySelectorAll(".card__select input")];
  }

  get #checked() {
    return this.#boxes.filter((box) => box.checked);
  }

  #onClick(event) {
    if (event.target.closest("[data-clear-selection]")) return this.#setAll(false);
    if (this.#press?.isLong && event.target.closest(".card__link")) {
      event.preventDefault(); // the click after a long press
      this.#press = null;
      return;
    }
    const box = event.target.matches(".card__select input") ? event.target : null;
    const link = event.target.closest(".card__link");
    if (link && (event.ctrlKey || event.metaKey || this.#count)) return this.#toggleByLink(event, link);
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
    if (event.key === "Escape" && this.#count) this.#setAll(false);
    if (event.key.toLowerCase() !== "a" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#setAll(true);
  }

  #setAll(isChecked) {
    const hadFocus = this.querySelector(".selection-bar").contains(document.activeElement);
    this.#isAll = isChecked;
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

  get #exceptions() {
    return this.#boxes.filter((box) => !box.checked).map((box) => box.value);
  }

  get #count() {
    return this.#isAll ? Math.max(0, Number(this.dataset.total) - this.#exceptions.length) : this.#checked.length;
  }

  #update() {
    const count = this.#count;
    const form = this.querySelector("form");
    setField(form, "all", this.#isAll ? "1" : "");
    setField(form, "except", this.#isAll ? this.#exceptions.join(",") : "");
    form.classList.toggle("has-selection", count > 0);
    this.#all.checked = this.#isAll && count === Number(this.dataset.total);
    this.#all.indeterminate = count > 0 && !this.#all.checked;
    this.querySelector("[data-selection-count]").textContent = count ? `${plural(count, "album")} selected` : "Select albums";
    for (const button of this.querySelectorAll(".selection-bar [formaction]")) button.disabled = !count;
    this.querySelector("[data-clear-selection]").disabled = !count;
  }
}

customElements.define("album-selection", AlbumSelection);
