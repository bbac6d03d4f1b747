/* Tiny pictures that are shown until a tile's picture has loaded. Same format as albums/grid/placeholders.py. */

const DATA_URI = "data:image/webp;base64,";
const WHOLE_FILE = "UklGR"; // "RIFF" in Base64

/** Returns a data URI for a shortened placeholder. */
export function dataUri(placeholder) {
  if (placeholder.startsWith(WHOLE_FILE)) return DATA_URI + placeholder;
  const short = Uint8Array.from(atob(placeholder), (character) => character.charCodeAt(0));
  const frame = [...short.slice(0, 3), 0x9d, 0x01, 0x2a, ...short.slice(3)];
  const padding = frame.length % 2 ? [0] : [];
  const chunk = [...bytes("VP8 "), ...uint32(frame.length), ...frame, ...padding];
  const file = [...bytes("RIFF"), ...uint32(4 + chunk.length), ...bytes("WEBP"), ...chunk];
  return DATA_URI + btoa(String.fromCharCode(...file));
}

/** Shows the placeholders of the pictures within the element. The style sheet hides them when the pictures have loaded. */
export function showPlaceholders(element) {
  for (const image of element.querySelectorAll("img[data-placeholder]")) {
    if (!image.complete) image.style.backgroundImage = `url(${dataUri(image.dataset.placeholder)})`;
    delete image.dataset.placeholder;
  }
}

function bytes(text) {
  return [...text].map((character) => character.charCodeAt(0));
}

function uint32(number) {
  return [0, 8, 16, 24].map((shift) => (number >>> shift) & 0xff);
}
