/* <view-menu>: applies the chosen layout and photo size at once, while htmx saves them. */

class ViewMenu extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", () => this.#apply());
  }

  #apply() {
    const choice = new FormData(this.querySelector("form"));
    const grid = document.getElementById("photo-grid");
    if (grid) grid.className = `grid grid--${choice.get("layout")} grid--${choice.get("density")}`;
  }
}

customElements.define("view-menu", ViewMenu);
