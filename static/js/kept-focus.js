/* Where the focus is to be on the next page of this tab. */

const STORAGE_KEY = "darkroom-focus";

/** Has the next page begin with the focus on the control with this id, if it has one, or else on its content. */
export function keepFocus(id = "") {
  sessionStorage.setItem(STORAGE_KEY, id);
}

/** Returns the id that was kept on the page before, null without one; and forgets it. */
export function takeFocus() {
  const id = sessionStorage.getItem(STORAGE_KEY);
  sessionStorage.removeItem(STORAGE_KEY);
  return id;
}
