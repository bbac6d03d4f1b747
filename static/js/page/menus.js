/* Menus (details.menu): one is open at a time. Escape, a click elsewhere and leaving by Tab close it; arrow keys, Home and End move between
   its items. An open list is moved into the window. An Escape that closes a menu is marked as handled (defaultPrevented). */

const EDGE_PX = 8;
const ITEM = ".menu__item:not([disabled], [hidden])";
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

document.addEventListener("toggle", ({ target }) => target.matches?.("details.menu[open]") && opened(target), { capture: true });

document.addEventListener("click", ({ target }) => closeAll((menu) => !menu.contains(target)));

// Pressing the mouse on a text in a menu moves the focus to an element around the menu, such as the page's <main>.
document.addEventListener("focusin", ({ target }) => closeAll((menu) => !menu.contains(target) && !target.contains(menu)));

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? openMenus().at(-1) : event.target.closest?.("details.menu[open]");
  if (!menu || event.defaultPrevented) return;
  if (event.key === "Escape") close(menu);
  else if (!moveFocus(menu, event)) return;
  event.preventDefault();
});

function openMenus() {
  return [...document.querySelectorAll("details.menu[open]")];
}

function closeAll(isClosed) {
  for (const menu of openMenus()) if (isClosed(menu)) menu.open = false;
}

function close(menu) {
  menu.open = false;
  menu.querySelector("summary").focus();
}

/** Returns whether the key moved the focus. Form fields in a menu keep their own keys. */
function moveFocus(menu, { key, target }) {
  const items = [...menu.querySelectorAll(ITEM)].filter((item) => item.checkVisibility());
  const position = items.indexOf(target);
  if (!items.length || (position < 0 && !target.matches("summary"))) return false;
  const next = { Home: 0, End: items.length - 1 }[key] ?? (STEPS[key] && (position < 0 && key === "ArrowUp" ? items.length - 1 : position + STEPS[key]));
  if (next === undefined) return false;
  items[(next + items.length) % items.length].focus();
  return true;
}

function opened(menu) {
  closeAll((other) => other !== menu && !other.contains(menu));
  place(menu, menu.querySelector(":scope > .menu__list"));
}

/** Moves the list sideways into the window, and above its button if there is more room. */
function place(menu, list) {
  if (!list) return;
  list.style.translate = "";
  menu.classList.remove("menu--up");
  const { left, right, bottom } = list.getBoundingClientRect();
  const button = menu.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const shift = left < EDGE_PX ? EDGE_PX - left : Math.min(0, width - EDGE_PX - right);
  if (shift) list.style.translate = `${shift}px`;
  menu.classList.toggle("menu--up", bottom > innerHeight - EDGE_PX && button.top > innerHeight - button.bottom);
}
