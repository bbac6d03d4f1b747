/* <arrow-keys>: the left and right arrow keys follow the links to the previous and the next photo. */

const LINKS = { ArrowLeft: "a[rel=prev]", ArrowRight: "a[rel=next]" };

class ArrowKeys extends HTMLElement {
  connectedCallback() {
    document.addEventListener("keydown", this.#onKeyDown);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#onKeyDown);
  }

  #onKeyDown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    this.querySelector(LINKS[event.key] ?? ":not(*)")?.click();
  };
}

customElements.define("arrow-keys", ArrowKeys);
