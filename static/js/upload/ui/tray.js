/* The docked tray around the uploader and the upload panel: hidden when it has nothing to say, and collapsible to its heading. Its position
   is fixed, so that nothing in it moves the page. It is the last element of the page, behind all photos: a skip link leads to it. */

const STORAGE_KEY = "darkroom-tray-collapsed";

export class Tray {
  #element;
  #toggle;
  #percent;
  #skipLink = Object.assign(document.createElement("a"), { className: "skip-link", href: "#uploads", textContent: "Skip to uploads" });

  constructor(element) {
    this.#element = Object.assign(element, { id: "uploads", tabIndex: -1 });
    this.#toggle = element.querySelector("[data-toggle]");
    this.#setCollapsed(sessionStorage.getItem(STORAGE_KEY) === "yes");
  }

  toggle() {
    const isCollapsed = this.#toggle.getAttribute("aria-expanded") === "true";
    sessionStorage.setItem(STORAGE_KEY, isCollapsed ? "yes" : "");
    this.#setCollapsed(isCollapsed);
  }

  expand() {
    this.#setCollapsed(false);
  }

  /** `percent` fills the ring; null hides it. */
  update({ isEmpty, percent }) {
    if (this.#element.hidden !== isEmpty) this.#element.hidden = isEmpty;
    if (isEmpty) this.#skipLink.remove();
    else if (!this.#skipLink.isConnected) document.body.prepend(this.#skipLink);
    if (percent === this.#percent) return;
    this.#percent = percent;
    const ring = this.#element.querySelector("[data-ring]");
    ring.hidden = percent === null;
    ring.style.setProperty("--percent", percent ?? 0);
  }

  #setCollapsed(isCollapsed) {
    this.#toggle.setAttribute("aria-expanded", String(!isCollapsed));
    this.#element.classList.toggle("tray--collapsed", isCollapsed);
  }
}
