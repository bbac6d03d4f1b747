/* Files as they are chosen, dropped or pasted, folders and all: {file, path, handle, grant} each. `handle` opens the file again after
   a reload, where the browser has such handles; `grant` is the one to ask for leave, a folder's for all that is in it. */
import { ending } from "../format.js";
import * as formats from "./formats.js";

const STILLS = new Set(formats.STILLS);
const SIDECARS = new Set(formats.SIDECARS);
const LIVE_VIDEOS = new Set(formats.LIVE_VIDEOS);
const COMPANION_ENDINGS = new Set(formats.COMPANION_ENDINGS);
const COMPANION_NAMES = new Set(formats.COMPANION_NAMES);
const COMPANION_FOLDERS = new Set(formats.COMPANION_FOLDERS);
const IN_ORDER = new Intl.Collator("en", { numeric: true });
const SUPPLEMENT = "supplemental-metadata"; // what Google Takeout adds to a photo's name since 2024, before `.json`
const TAKEOUT_CUTS_AT = 46; // UTF-16 units of a name before `.json`

/** Parts what was found: files to send, companions without a picture of their own, and what is left out of folders. Pure.

    Whatever was chosen by itself is meant: only the server says whether it is a photo. Folders tell their files in no order, so these
    are put in that of their names. A video in a folder goes only with the still that it moves with: albums hold no others. */
export function sift(found) {
  const companions = found.filter(({ path }) => isCompanion(path));
  const others = found.filter(({ path }) => !isCompanion(path));
  const stills = new Set(others.filter(({ path }) => STILLS.has(endingOf(path))).map(({ path }) => stem(path)));
  const isTaken = ({ path }) => !isInFolder(path) || isAccepted(path, stills);
  const kept = others.filter(isTaken);
  const [folders, single] = [kept.filter(({ path }) => isInFolder(path)), kept.filter(({ path }) => !isInFolder(path))];
  return {
    kept: [...single, ...folders.sort(inOrder)],
    companions,
    left: others.filter((one) => !isTaken(one)).sort(inOrder),
  };
}

export function holdsFiles(transfer) {
  return Boolean(transfer?.types.includes("Files"));
}

export function fromInput(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name, handle: null, grant: null }));
}

/** Must be called while the event is being handled: afterwards the browser empties it. */
export async function fromTransfer(transfer) {
  const things = [...transfer.items].filter(({ kind }) => kind === "file");
  const handles = things.map((thing) => thing.getAsFileSystemHandle?.().catch(() => null));
  const entries = things.map((thing) => thing.webkitGetAsEntry?.());
  const plain = [...transfer.files];
  const lists = await Promise.all(
    things.map(async (_, number) => {
      const handle = await handles[number];
      if (handle) return fromHandle(handle);
      if (entries[number]?.isDirectory) return fromEntry(entries[number], "");
      return plain[number] ? [{ file: plain[number], path: plain[number].name, handle: null, grant: null }] : [];
    }),
  );
  return lists.flat();
}

const dotted = (endings) => endings.map((one) => `.${one}`);

/** What the browser's dialog offers at first; a person can still ask it for all files. */
const TYPES = {
  description: "Photos",
  accept: { "image/*": dotted(formats.STILLS), "video/*": dotted(formats.LIVE_VIDEOS), "application/xml": [".xmp"], "application/json": [".json"] },
};

export const canPick = "showOpenFilePicker" in globalThis && "showDirectoryPicker" in globalThis;

/** The browser's own dialogs, which give handles. Empty when the person chose nothing after all. */
export async function pickFiles() {
  const handles = await picked(() => showOpenFilePicker({ multiple: true, id: "photos", startIn: "pictures", types: [TYPES] }));
  return (await Promise.all(handles.map((handle) => fromHandle(handle)))).flat();
}

export async function pickFolder() {
  const [handle] = await picked(async () => [await showDirectoryPicker({ id: "folder", startIn: "pictures" })]);
  return handle ? fromHandle(handle) : [];
}

async function picked(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error.name === "AbortError") return [];
    throw error;
  }
}

async function fromHandle(handle, path = handle.name, grant = handle) {
  if (handle.kind === "file") return [{ file: await handle.getFile(), path, handle, grant }];
  const found = [];
  for await (const inner of handle.values()) found.push(...(await fromHandle(inner, `${path}/${inner.name}`, grant)));
  return found;
}

async function fromEntry(entry, above) {
  const path = `${above}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, path, handle: null, grant: null }];
  }
  const found = [];
  for (const inner of await contents(entry)) found.push(...(await fromEntry(inner, `${path}/`)));
  return found;
}

/** A reader hands out a folder in portions of a hundred, and ends with an empty one. */
async function contents(directory) {
  const reader = directory.createReader();
  const found = [];
  for (;;) {
    const portion = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!portion.length) return found;
    found.push(...portion);
  }
}

function isInFolder(path) {
  return path.includes("/");
}

function inOrder(a, b) {
  return IN_ORDER.compare(a.path, b.path);
}

/** As `is_companion` of processing/pipeline/formats/extensions.py. */
function isCompanion(path) {
  const folders = path.toLowerCase().split("/");
  const name = folders.pop();
  const beginsSo = (part) => formats.COMPANION_BEGINNINGS.some((beginning) => part.startsWith(beginning));
  return (
    COMPANION_NAMES.has(name) ||
    name.endsWith(formats.COMPANION_STREAM) ||
    COMPANION_ENDINGS.has(endingOf(name)) ||
    [...folders, name].some(beginsSo) ||
    folders.some((folder) => COMPANION_FOLDERS.has(folder))
  );
}

/** Of a file in a folder. What is hidden, nobody means to send without saying so. */
function isAccepted(path, stills) {
  if (path.split("/").some((part) => part.startsWith("."))) return false;
  const kind = endingOf(path);
  if (kind === "json") return isOfTakeout(path.split("/").at(-1).toLowerCase());
  return STILLS.has(kind) || SIDECARS.has(kind) || (LIVE_VIDEOS.has(kind) && stills.has(stem(path)));
}

/** `IMG_1.jpg.json`, `IMG_1.jpg.supplemental-metadata(1).json`; long names are cut, anywhere. */
function isOfTakeout(name) {
  const about = name.replace(/(\(\d+\))?\.json$/, "");
  const last = about.slice(about.lastIndexOf(".") + 1);
  if (about.length >= TAKEOUT_CUTS_AT || (last.length > 4 && SUPPLEMENT.startsWith(last))) return true;
  const photo = SUPPLEMENT.startsWith(last) ? about.slice(0, -last.length - 1) : about;
  const kind = ending(photo);
  return photo.includes(".") && [...STILLS, ...LIVE_VIDEOS].some((one) => one.startsWith(kind));
}

/** With its folder, in small letters: what a still and its Live video have in common. Google's still is called `PXL_1.MP.jpg`, and
    icloudpd's video of a HEIC `IMG_1_HEVC.MOV`. */
function stem(path) {
  const base = path.toLowerCase().replace(/\.[^./]*$/, "").replace(/\.mp$/, "");
  return LIVE_VIDEOS.has(endingOf(path)) ? base.replace(/_hevc$/, "") : base;
}

function endingOf(path) {
  return ending(path.split("/").at(-1)).toLowerCase();
}
