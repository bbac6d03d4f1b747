/* <final-announcer data-watch="id">: a live region that announces the text of a polled element once the polling has ended, without the steps
   before. */

class FinalAnnouncer extends HTMLElement {
  connectedCallback() {
    document.addEventListener("htmx:afterSwap", this.#afterSwap);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:afterSwap", this.#afterSwap);
  }

  #afterSwap = () => {
    const watched = document.getElementById(this.dataset.watch);
    if (watched && !watched.closest("[hx-trigger]")) this.textContent = watched.textContent.trim();
  };
}

customElements.define("final-announcer", FinalAnnouncer);
