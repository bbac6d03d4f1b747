/* <compare-slider>: lays two pictures over each other; a range input moves the line between them. Without JavaScript they stand side by
   side. */

class CompareSlider extends HTMLElement {
  connectedCallback() {
    const range = this.querySelector("input[type=range]");
    const picture = this.querySelector("img");
    if (!range || !picture) return;
    // Sizes are whole pixels, so the aspect ratios differ slightly: both pictures get that of the first, or an edge would jump.
    this.style.setProperty("--shape", picture.getAttribute("width") / picture.getAttribute("height"));
    const updateSplit = () => this.style.setProperty("--split", `${range.value}%`);
    range.addEventListener("input", updateSplit);
    updateSplit();
    this.dataset.ready = "";
  }
}

customElements.define("compare-slider", CompareSlider);
