/* Previews of chosen files: only those in view, two at a time, and at most 400. Decoding five hundred camera photos at once would take
   gigabytes; each is drawn small and released. */

const PREVIEW_TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"]);
const MAX_PREVIEWS = 400;
const CONCURRENCY = 2;
const MAX_BYTES = 64 << 20;
const DEFAULT_EDGE_PIXELS = 96;

let started = 0;
let running = 0;
const waiting = [];
const sources = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    waiting.push(target);
  }
  next();
});

/** Draws a preview of the file, `edge` pixels wide, into `box` when it comes into view. */
export function preview(file, box, edge = DEFAULT_EDGE_PIXELS) {
  if (!PREVIEW_TYPES.has(file.type) || file.size > MAX_BYTES) return;
  sources.set(box, { file, edge });
  observer.observe(box);
}

async function next() {
  if (running >= CONCURRENCY || !waiting.length || started >= MAX_PREVIEWS) return;
  const box = waiting.shift();
  if (!box.isConnected) return next();
  running += 1;
  started += 1;
  try {
    box.replaceChildren(await draw(sources.get(box)));
  } catch {
    // The browser cannot decode it: the box keeps the file's extension, and the server will say what is wrong.
  } finally {
    running -= 1;
    next();
  }
}

async function draw({ file, edge }) {
  const bitmap = await createImageBitmap(file, { resizeWidth: edge, resizeQuality: "medium" });
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}
