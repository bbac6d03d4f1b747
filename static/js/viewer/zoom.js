/* Zooms and moves the picture on the stage. A view is {scale, x, y}: scale 1 fits the stage, x and y are CSS pixels from its centre. */

export const FIT = { scale: 1, x: 0, y: 0 };
const MIN_MAX_SCALE = 4;
const DOUBLE_TAP_SCALE = 2.5;

/** The view with another scale, in which the point of the picture under `point` stays where it is. Pure. */
export function scaledView(view, scale, point) {
  const ratio = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
}

/** The view moved so that no side of the picture leaves its side of the stage. Sizes at scale 1. Pure. */
export function boundedView(view, picture, stage) {
  const bounded = (offset, length, room) => {
    const reach = Math.max(0, (length * view.scale - room) / 2);
    return reach && Math.min(reach, Math.max(-reach, offset));
  };
  return { scale: view.scale, x: bounded(view.x, picture.width, stage.width), y: bounded(view.y, picture.height, stage.height) };
}

export class Zoom {
  #view = FIT;
  #stage;
  #image;
  #box;
  #isSharp = false;

  constructor(stage) {
    this.#stage = stage;
    this.#image = stage.querySelector(".viewer__image");
    this.#box = stage.querySelector(".viewer__picture");
  }

  get isZoomed() {
    return this.#view.scale > 1.001;
  }

  /** The scale at which a pixel of the original is a pixel of the screen. */
  get actualScale() {
    const { fullWidth } = this.#image.dataset;
    return Math.max(1, Number(fullWidth) / devicePixelRatio / this.#pictureSize().width);
  }

  /** The current scale in percent of the original's pixels. */
  get percent() {
    return Math.round((this.#view.scale / this.actualScale) * 100);
  }

  by(factor, point) {
    if (this.#image) this.#zoomTo(this.#view.scale * factor, point);
  }

  toggle(point, scale = DOUBLE_TAP_SCALE) {
    if (this.#image) this.#zoomTo(this.isZoomed ? 1 : scale, point);
  }

  move(dx, dy) {
    if (this.isZoomed) this.#show(boundedView({ ...this.#view, x: this.#view.x + dx, y: this.#view.y + dy }, this.#pictureSize(), this.#stageSize()));
  }

  /** Moves a picture that is not zoomed with the finger. */
  drag(dx, dy) {
    this.#show({ scale: 1, x: dx, y: dy });
  }

  reset() {
    this.#show(FIT);
  }

  #zoomTo(scale, point = { x: 0, y: 0 }) {
    const bounded = Math.min(Math.max(1, scale), Math.max(MIN_MAX_SCALE, 2 * this.actualScale));
    this.#show(boundedView(scaledView(this.#view, bounded, point), this.#pictureSize(), this.#stageSize()));
    if (this.isZoomed) this.#sharpen();
  }

  #show(view) {
    this.#view = view;
    this.#box?.style.setProperty("transform", `translate(${view.x}px, ${view.y}px) scale(${view.scale})`);
    this.#stage.toggleAttribute("data-zoomed", this.isZoomed);
  }

  /** Loads the largest rendition, and beyond its resolution the original, if browsers show its format. */
  #sharpen() {
    const image = this.#image;
    const { fullWidth, fullHeight, original } = image.dataset;
    if (!this.#isSharp) for (const source of image.parentElement.children) source.sizes = `${fullWidth}px`;
    this.#isSharp = true;
    const needed = this.#pictureSize().width * this.#view.scale * devicePixelRatio;
    if (!original || needed <= image.getAttribute("width")) return;
    delete image.dataset.original;
    const full = new Image();
    full.src = original;
    full.decode().then(() => {
      // An original that only its sidecar turns upright, or an animation in another format, is shown as rendered.
      if (full.naturalWidth !== Number(fullWidth) || full.naturalHeight !== Number(fullHeight)) return;
      for (const source of image.parentElement.querySelectorAll("source")) source.remove();
      image.removeAttribute("srcset");
      image.src = original;
    }, () => {});
  }

  #stageSize() {
    return { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
  }

  #pictureSize() {
    const { offsetWidth, offsetHeight } = this.#image;
    const shape = this.#image.getAttribute("width") / this.#image.getAttribute("height");
    const [width, height] = [Math.min(offsetWidth, offsetHeight * shape), Math.min(offsetHeight, offsetWidth / shape)];
    return this.#box.matches(".turned--quarter") ? { width: height, height: width } : { width, height };
  }
}
