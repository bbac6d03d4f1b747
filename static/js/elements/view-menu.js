/* <view-menu>: applies the chosen layout and photo size at once, while htmx saves them, and closes on Escape or a click elsewhere. */

class ViewMenu extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", () => this.#apply());
    this.addEventListener("keydown", ({ key }) => key === "Escape" && this.#close());
    document.addEventListener("click", this.#onClick);
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.#onClick);
  }

  #apply() {
    const choice = new FormData(this.querySelector("form"));
    const grid = document.getElementById("photo-grid");
    if (grid) grid.className = `grid grid--${choice.get("layout")} grid--${choice.get("density")}`;
  }

  #close() {
    const details = this.querySelector("details");
    if (details.open) details.querySelector("summary").focus();
    details.open = false;
  }

  #onClick = ({ target }) => {
    if (!this.contains(target)) this.querySelector("details").open = false;
  };
}

customElements.define("view-menu", ViewMenu);
