/* Long presses on a touch screen. They open no context menu. */

const PRESS_MS = 500;
const MOVE_PX = 10;

/** Calls `onPress(element)` once a finger has rested for half a second. Stops with the signal. */
export function onLongPress(root, onPress, signal) {
  let timer, start, isTouch, wasPressed;
  const press = (target) => {
    clearTimeout(timer);
    wasPressed = true;
    onPress(target);
  };
  const on = (name, listener, capture) => root.addEventListener(name, listener, { signal, capture });
  on("pointerdown", (event) => {
    isTouch = event.pointerType === "touch";
    wasPressed = false;
    clearTimeout(timer);
    if (!isTouch || !event.isPrimary) return;
    start = event;
    timer = setTimeout(() => press(event.target), PRESS_MS);
  });
  on("pointermove", (event) => isTouch && start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > MOVE_PX && clearTimeout(timer));
  on("pointerup", () => clearTimeout(timer));
  on("pointercancel", () => clearTimeout(timer));
  on("contextmenu", (event) => {
    if (!isTouch) return;
    event.preventDefault();
    if (!wasPressed) press(event.target);
  });
  // The finger that is lifted after a long press does not open the photo.
  on("click", (event) => {
    if (!wasPressed) return;
    wasPressed = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}
