/* Marks images that have loaded with data-loaded, so that their placeholders are hidden: they would show through transparent parts. Of
   animations among tiles, users who prefer less motion see the first frame. */
import { prefersStills, showStill } from "../still.js";

function onLoad(image) {
  if (!image.matches?.(".frame__image, .viewer__image")) return;
  image.dataset.loaded = "";
  if ("animated" in image.dataset && prefersStills()) showStill(image);
}

document.addEventListener("load", (event) => onLoad(event.target), { capture: true });
for (const image of document.images) {
  if (image.complete && image.naturalWidth) onLoad(image);
}
