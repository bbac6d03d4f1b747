/* <last-words data-of="id">: the live region of a polled one. It says what that element reads when the polling has ended; each
   step on the way would be chatter. */

class LastWords extends HTMLElement {
  connectedCallback() {
    document.addEventListener("htmx:afterSwap", this.#listen);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:afterSwap", this.#listen);
  }

  #listen = () => {
    const told = document.getElementById(this.dataset.of);
    if (told && !told.closest("[hx-trigger]")) this.textContent = told.textContent.trim();
  };
}

customElements.define("last-words", LastWords);
