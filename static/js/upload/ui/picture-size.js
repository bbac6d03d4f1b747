/* The aspect ratio of a picture from the first bytes of its file, upright, without decoding it. */

const FIRST_BYTES = 64 << 10; // the header of nearly every file
const MORE_BYTES = 1 << 20; // of a JPEG with a large preview or profile before its frame
const USUAL_RATIO = 1.5; // of a RAW file, whose header does not say
const [MIN_RATIO, MAX_RATIO] = [0.3, 9.99];
const SWAPS_SIDES = 5; // EXIF orientations from here on turn the picture by 90 degrees
const [ISPE, IROT] = [0x69737065, 0x69726f74]; // the names of these boxes

/** Resolves with width divided by height; null if the header is of another format or damaged. Reads at most a megabyte. */
export async function aspectRatio(file) {
  try {
    return (await ratioIn(file, FIRST_BYTES)) ?? (file.size > FIRST_BYTES ? await ratioIn(file, MORE_BYTES) : null);
  } catch {
    return null; // the file cannot be read any more
  }
}

async function ratioIn(file, length) {
  const size = pictureSize(new DataView(await file.slice(0, length).arrayBuffer()));
  return size && size.width > 0 && size.height > 0 ? size.width / size.height : null;
}

/** Returns the classes of a tile of this ratio, one per digit, as albums/templatetags/grid.py writes them for the finished photo. Pure. */
export function shapeClasses(ratio) {
  const hundredths = Math.round(100 * Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio ?? USUAL_RATIO)));
  const digits = [...String(hundredths).padStart(3, "0")];
  return digits.map((digit, index) => `${"htu"[index]}${digit}`).filter((name) => !name.endsWith("0"));
}

/** Returns {width, height} of the upright picture whose file begins with these bytes; null if they do not say. Pure. */
export function pictureSize(view) {
  try {
    if (view.getUint16(0) === 0xffd8) return jpegSize(view);
    if (view.getUint32(0) === 0x89504e47) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (text(view, 0, 4) === "RIFF" && text(view, 8, 4) === "WEBP") return webpSize(view);
    if (text(view, 0, 3) === "GIF") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (text(view, 0, 2) === "BM") return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
    if (text(view, 4, 4) === "ftyp") return heifSize(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the header is longer than these bytes
  }
  return null;
}

/** Markers follow each other by their lengths up to the frame header (ITU-T T.81, B.1). */
function jpegSize(view) {
  let orientation = 1;
  for (let offset = 2; ; ) {
    const marker = view.getUint16(offset);
    if (marker >> 8 !== 0xff) return null;
    if (isFrame(marker)) return upright(view.getUint16(offset + 7), view.getUint16(offset + 5), orientation);
    if (marker === 0xffe1 && text(view, offset + 4, 4) === "Exif") orientation = exifOrientation(view, offset + 10);
    offset += marker === 0xffff ? 1 : 2 + view.getUint16(offset + 2); // any number of fill bytes may precede a marker
  }
}

/** SOF0 to SOF15, without the tables DHT, JPG and DAC. */
function isFrame(marker) {
  return marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
}

/** The tag 0x0112 of the first directory of a TIFF header at `start`; 1 without it. */
function exifOrientation(view, start) {
  const isLittle = text(view, start, 2) === "II";
  const directory = start + view.getUint32(start + 4, isLittle);
  const count = view.getUint16(directory, isLittle);
  for (let entry = directory + 2; entry < directory + 2 + 12 * count; entry += 12) {
    if (view.getUint16(entry, isLittle) === 0x0112) return view.getUint16(entry + 8, isLittle);
  }
  return 1;
}

/** The three kinds of first chunks: https://developers.google.com/speed/webp/docs/riff_container */
function webpSize(view) {
  const kind = text(view, 12, 4);
  if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
  const uint24 = (offset) => view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);
  return kind === "VP8X" ? { width: uint24(24) + 1, height: uint24(27) + 1 } : null;
}

/** HEIF and AVIF: the largest `ispe` box is that of the whole picture, the others of its parts and previews; `irot` turns it. */
function heifSize(view) {
  let largest = null;
  let isTurned = false;
  for (let offset = 8; offset + 16 <= view.byteLength; offset++) {
    const type = view.getUint32(offset);
    if (type === IROT) isTurned ||= view.getUint8(offset + 4) % 2 === 1; // quarter turns
    if (type !== ISPE) continue;
    const size = { width: view.getUint32(offset + 8), height: view.getUint32(offset + 12) };
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest && (isTurned ? { width: largest.height, height: largest.width } : largest);
}

function upright(width, height, orientation) {
  return orientation >= SWAPS_SIDES ? { width: height, height: width } : { width, height };
}

function text(view, offset, length) {
  return Array.from({ length }, (_, index) => String.fromCharCode(view.getUint8(offset + index))).join("");
}
