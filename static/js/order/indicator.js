/* The line that shows between which tiles a photo is dropped. */

export class Indicator {
  #list;
  #line = Object.assign(document.createElement("li"), { className: "drop-line" });

  constructor(list) {
    this.#list = list;
    this.#line.setAttribute("aria-hidden", "true");
  }

  /** Shows the line at the slot, or hides it without one. */
  show(slot) {
    if (!slot) return this.#line.remove();
    if (!this.#line.isConnected) this.#list.append(this.#line);
    const { left, right, top, height } = slot.tile.getBoundingClientRect();
    const origin = this.#list.getBoundingClientRect();
    const gap = parseFloat(getComputedStyle(this.#list).columnGap) || 0;
    const x = slot.isBehind ? right + gap / 2 : left - gap / 2;
    this.#line.style.translate = `${x - origin.left}px ${top - origin.top}px`;
    this.#line.style.blockSize = `${height}px`;
    return undefined;
  }
}
