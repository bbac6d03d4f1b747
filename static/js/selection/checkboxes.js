/* The checkboxes of tiles. Without this script the server renders them. */
import { TILE } from "../grid/tile-order.js";

const CHECK = ".tile__check";

export function photoId(tile) {
  return tile.id.replace("photo-", "");
}

/** Gives every tile a checkbox and shows which ones are selected. */
export function showChecked(grid, selected) {
  for (const tile of grid.querySelectorAll(TILE)) {
    const check = tile.querySelector(CHECK) ?? added(tile);
    check.checked = selected.has(photoId(tile));
  }
}

function added(tile) {
  const check = document.createElement("input");
  const name = tile.querySelector("img")?.alt || tile.dataset.name || tile.textContent.trim();
  Object.assign(check, { type: "checkbox", className: "tile__check", tabIndex: -1, ariaLabel: `Select ${name}` });
  tile.append(check);
  return check;
}

/** Takes the checkboxes that the server has rendered out of the form. Returns the ids of those that are checked. */
export function takeOver(grid) {
  const checks = [...grid.querySelectorAll(CHECK)];
  for (const check of checks) {
    check.removeAttribute("name");
    check.removeAttribute("form");
    check.tabIndex = -1;
  }
  return checks.filter(({ checked }) => checked).map((check) => photoId(check.closest(TILE)));
}
