/* Keeps the keyboard focus in the tray. When the focused control is removed or hidden, browsers move the focus to the beginning of the page. */

/* The controls that take the focus, the first one that is shown. */
const SUCCESSORS = ["ask-elsewhere-first", "ask-trash-first", "pause", "continue", "undo", "cancel", "retry", "send", "clear", "hold", "resume", "choose-again", "check-now", "toggle"];

export class FocusKeeper {
  #view;
  #focused = null;

  /** `signal` ends the listening. */
  constructor(desk, view, signal) {
    this.#view = view;
    desk.addEventListener("focusin", ({ target }) => (this.#focused = target), { signal });
    desk.addEventListener("focusout", ({ target }) => queueMicrotask(() => this.#left(target)), { signal });
  }

  /** Moves the focus if its control is gone. To be called after each change of the tray. */
  keep() {
    const control = this.#focused;
    if (!control || isShown(control)) return;
    this.#focused = null;
    const isLost = [null, document.body, control].includes(document.activeElement);
    if (isLost) this.#successor(control)?.focus({ preventScroll: true });
  }

  /** A control that is still shown was left by the user. */
  #left(control) {
    if (control === this.#focused && document.hasFocus() && isShown(control)) this.#focused = null;
  }

  #successor(control) {
    const controls = SUCCESSORS.map((name) => this.#view.part(name));
    if (control.closest(".file-row")) controls.unshift(this.#view.part("list"));
    return controls.find(isShown) ?? document.querySelector("[data-upload=files]") ?? document.querySelector("main");
  }
}

/** Whether the element is in the document and not hidden. */
function isShown(element) {
  return element.isConnected && element.checkVisibility({ visibilityProperty: true });
}
