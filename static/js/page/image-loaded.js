/* Marks images that have loaded with data-loaded, so that their placeholders are hidden: they would show through transparent parts. */

const mark = (image) => image.matches?.(".frame__image, .viewer__image") && (image.dataset.loaded = "");

document.addEventListener("load", (event) => mark(event.target), { capture: true });
for (const image of document.images) {
  if (image.complete && image.naturalWidth) mark(image);
}
