/* Small pictures of chosen files: only of those in sight, two at a time, and only so many. Five hundred camera photos decoded at
   once would take gigabytes; each is drawn small and let go. */

const SHOWABLE = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"]);
const AT_MOST = 200;
const AT_ONCE = 2;
const MAX_BYTES = 64 << 20;
const EDGE = 96;

let made = 0;
let running = 0;
const waiting = [];
const files = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    waiting.push(target);
  }
  next();
});

/** Draw the file into the box when it comes into sight. */
export function preview(file, box) {
  if (!SHOWABLE.has(file.type) || file.size > MAX_BYTES) return;
  files.set(box, file);
  observer.observe(box);
}

async function next() {
  if (running >= AT_ONCE || !waiting.length || made >= AT_MOST) return;
  const box = waiting.shift();
  if (!box.isConnected) return next();
  running += 1;
  made += 1;
  try {
    box.replaceChildren(await drawn(files.get(box)));
  } catch {
    // Not a picture after all: its ending stays. The server will say what is wrong with it.
  } finally {
    running -= 1;
    next();
  }
}

async function drawn(file) {
  const bitmap = await createImageBitmap(file, { resizeWidth: EDGE, resizeQuality: "medium" });
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}
