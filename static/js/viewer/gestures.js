/* Mouse, pen and touch on the stage: wheel and pinch zoom, a drag moves a zoomed picture, a swipe changes the photo. */

const SWIPE_PX = 60;
const TAP_PX = 10;
const DOUBLE_TAP_MS = 300;
const WHEEL_STEP = 0.002;
const LINE_PX = 40; // of wheels that report lines instead of pixels

/** The direction of a finished drag: "left", "right", "down" or "". Pure. */
export function swipeDirection(dx, dy) {
  if (Math.abs(dx) >= SWIPE_PX && Math.abs(dx) > Math.abs(dy)) return dx < 0 ? "left" : "right";
  return dy >= SWIPE_PX && dy > Math.abs(dx) ? "down" : "";
}

/** Observes the stage. `handlers`: `zoom` (a Zoom), `onSwipe(direction)` and `onTap()`, for touch and pen. */
export class Gestures {
  #stage;
  #handlers;
  #pointers = new Map();
  #start;
  #pinch;
  #lastTap = { time: -Infinity };

  constructor(stage, handlers) {
    this.#stage = stage;
    this.#handlers = handlers;
    const listeners = { pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up, dblclick: this.#doubleClick };
    for (const [type, listener] of Object.entries(listeners)) stage.addEventListener(type, listener);
    stage.addEventListener("wheel", this.#wheel, { passive: false });
    stage.addEventListener("dragstart", (event) => event.preventDefault());
  }

  #wheel = (event) => {
    event.preventDefault(); // also of the browser's own zoom by Ctrl and wheel, and by a touchpad
    const delta = event.deltaY * (event.deltaMode ? LINE_PX : 1);
    this.#handlers.zoom.by(Math.exp(-delta * WHEEL_STEP), this.#point(event));
  };

  #doubleClick = (event) => {
    if (!isControl(event)) this.#handlers.zoom.toggle(this.#point(event));
  };

  #down = (event) => {
    if (isControl(event) || event.button) return;
    this.#stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#point(event));
    this.#start = this.#pointers.size === 1 ? { ...this.#point(event), isTap: true } : undefined;
    this.#pinch = this.#pinchState();
  };

  #move = (event) => {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const point = this.#point(event);
    this.#pointers.set(event.pointerId, point);
    if (this.#pinch) this.#movePinch();
    else this.#moveOne(event, point, before);
  };

  #movePinch() {
    const { zoom } = this.#handlers;
    const now = this.#pinchState();
    zoom.move(now.centre.x - this.#pinch.centre.x, now.centre.y - this.#pinch.centre.y);
    zoom.by(now.distance / this.#pinch.distance, now.centre);
    this.#pinch = now;
  }

  #moveOne(event, point, before) {
    const { zoom } = this.#handlers;
    const [dx, dy] = this.#distance(point);
    if (Math.hypot(dx, dy) > TAP_PX && this.#start) this.#start.isTap = false;
    if (zoom.isZoomed) zoom.move(point.x - before.x, point.y - before.y);
    else if (event.pointerType !== "mouse" && this.#start && !this.#start.isTap) zoom.drag(dx, Math.max(0, dy));
  }

  #up = (event) => {
    if (!this.#pointers.delete(event.pointerId)) return;
    this.#pinch = this.#pinchState();
    if (event.pointerType === "mouse" || !this.#start || this.#pointers.size) return;
    const { zoom, onSwipe } = this.#handlers;
    const [dx, dy] = this.#distance(this.#point(event));
    if (event.type === "pointerup" && this.#start.isTap) this.#tap(event);
    else if (!zoom.isZoomed) {
      zoom.reset();
      if (event.type === "pointerup") onSwipe(swipeDirection(dx, dy));
    }
  };

  #tap(event) {
    const isDouble = event.timeStamp - this.#lastTap.time < DOUBLE_TAP_MS;
    this.#lastTap = { time: isDouble ? -Infinity : event.timeStamp };
    if (isDouble) this.#handlers.zoom.toggle(this.#point(event));
    else this.#handlers.onTap();
  }

  #distance(point) {
    return this.#start ? [point.x - this.#start.x, point.y - this.#start.y] : [0, 0];
  }

  /** Centre and distance of two fingers; undefined for any other number. */
  #pinchState() {
    if (this.#pointers.size !== 2) return undefined;
    const [one, two] = this.#pointers.values();
    return { centre: { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 }, distance: Math.hypot(one.x - two.x, one.y - two.y) || 1 };
  }

  /** The position from the stage's centre. */
  #point({ clientX, clientY }) {
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  }
}

function isControl({ target }) {
  return Boolean(target.closest("a, button, video"));
}
