/* <photo-grid>: new photos come in the order in which they are ready. Each is shown once, and in the album's order. */

class PhotoGrid extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:oobBeforeSwap", dropKnown);
    this.addEventListener("htmx:oobAfterSwap", (event) => sort(event.detail.target));
  }
}

/** Two answers may bring the same photo: a poll, and the action that overtook it. */
function dropKnown(event) {
  for (const tile of event.detail.fragment.querySelectorAll(".tile")) {
    if (document.getElementById(tile.id)) tile.remove();
  }
}

function sort(list) {
  for (const tile of list.querySelectorAll(".tile.htmx-added")) {
    let after = tile.previousElementSibling;
    while (after && isBefore(tile, after)) after = after.previousElementSibling;
    if (after !== tile.previousElementSibling) after ? after.after(tile) : list.prepend(tile);
  }
}

function isBefore(tile, other) {
  const gap = Number(tile.dataset.position) - Number(other.dataset.position);
  return gap < 0 || (gap === 0 && number(tile) < number(other));
}

function number(tile) {
  return Number(tile.id.replace("photo-", ""));
}

customElements.define("photo-grid", PhotoGrid);
