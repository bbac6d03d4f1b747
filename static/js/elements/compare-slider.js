/* <compare-slider>: lays two pictures over each other, and a range says where one ends and the other begins. Without it they
   stand side by side. */

class CompareSlider extends HTMLElement {
  connectedCallback() {
    const range = this.querySelector("input[type=range]");
    const picture = this.querySelector("img");
    if (!range || !picture) return;
    // Sizes are whole pixels, so their shapes differ a little: one shape for both, or an edge would jump.
    this.style.setProperty("--shape", picture.getAttribute("width") / picture.getAttribute("height"));
    const move = () => this.style.setProperty("--split", `${range.value}%`);
    range.addEventListener("input", move);
    move();
    this.dataset.ready = "";
  }
}

customElements.define("compare-slider", CompareSlider);
