/* <sort-menu>: a click on an order sorts the album at once. By keyboard, arrow keys choose and Enter sorts. */

class SortMenu extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", ({ target, detail }) => {
      // Arrow keys cause clicks on the radio buttons, without a pointer: `detail` is 0.
      if (!detail || !target.closest(".sort-menu__choices label")) return;
      setTimeout(() => this.querySelector("form").requestSubmit()); // the click checks the radio button after this listener
    });
  }
}

customElements.define("sort-menu", SortMenu);
