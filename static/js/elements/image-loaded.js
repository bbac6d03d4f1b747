/* Marks pictures that have arrived, so that their placeholders can go: they would show through transparent parts. */

const mark = (image) => image.matches?.(".frame__image") && (image.dataset.loaded = "");

document.addEventListener("load", (event) => mark(event.target), { capture: true });
for (const image of document.images) {
  if (image.complete && image.naturalWidth) mark(image);
}
