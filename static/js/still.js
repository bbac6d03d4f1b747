/* The first frame of an animated picture, drawn over it. */

/** Whether the user prefers pages without motion. */
export function prefersStills() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Hides the picture behind its first frame. Resolves when that is drawn; a picture that cannot be decoded stays hidden. */
export async function showStill(image) {
  image.dataset.still = "";
  const loaded = await image.decode().then(() => true, () => false);
  if (!loaded || !("still" in image.dataset) || stillOf(image)) return;
  const [width, height] = [Number(image.getAttribute("width")) || image.naturalWidth, Number(image.getAttribute("height")) || image.naturalHeight];
  const canvas = Object.assign(document.createElement("canvas"), { width, height, className: "still", ariaHidden: "true" });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height); // of an animation, browsers draw the first frame
  image.after(canvas);
}

/** Removes the first frame, so that the picture plays. */
export function removeStill(image) {
  stillOf(image)?.remove();
  delete image.dataset.still;
}

function stillOf(image) {
  return image.parentElement.querySelector("canvas.still");
}
