/* Files that are chosen, dropped or pasted, including the content of folders: {file, path, handle, grant} each. `handle` opens the file again
   after a reload, where the browser has file handles; `grant` is the handle whose permission is asked for, a folder's for all files in it. */
import { fileExtension } from "../../format.js";
import * as formats from "./formats.js";

const STILLS = new Set(formats.STILLS);
const SIDECARS = new Set(formats.SIDECARS);
const LIVE_VIDEOS = new Set(formats.LIVE_VIDEOS);
const COMPANION_ENDINGS = new Set(formats.COMPANION_ENDINGS);
const COMPANION_NAMES = new Set(formats.COMPANION_NAMES);
const COMPANION_FOLDERS = new Set(formats.COMPANION_FOLDERS);
const NATURAL_ORDER = new Intl.Collator("en", { numeric: true });
const TAKEOUT_SUFFIX = "supplemental-metadata"; // Google Takeout adds it to a photo's name since 2024, before `.json`
const TAKEOUT_MAX_LENGTH = 46; // UTF-16 units of a name before `.json`

/** Sorts chosen files into {accepted, companions, unsupported}: files to send, companions without a picture of their own, and files that
    albums do not accept. Pure.

    A file that was chosen by itself is always sent: only the server decides whether it is a photo. Browsers list folders in no particular
    order, so their files are sorted by name. A video in a folder is sent only with the still of the same Live Photo. */
export function sortChosenFiles(entries) {
  const companions = entries.filter(({ path }) => isCompanion(path));
  const others = entries.filter(({ path }) => !isCompanion(path));
  const stills = new Set(others.filter(({ path }) => STILLS.has(extensionOf(path))).map(({ path }) => stem(path)));
  const isAccepted = ({ path }) => !isInFolder(path) || isSupported(path, stills);
  const accepted = others.filter(isAccepted);
  const [inFolders, single] = [accepted.filter(({ path }) => isInFolder(path)), accepted.filter(({ path }) => !isInFolder(path))];
  return {
    accepted: [...single, ...inFolders.sort(byPath)],
    companions,
    unsupported: others.filter((entry) => !isAccepted(entry)).sort(byPath),
  };
}

export function hasFiles(transfer) {
  return Boolean(transfer?.types.includes("Files"));
}

export function filesFromInput(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name, handle: null, grant: null }));
}

/** The files of a DataTransfer. Must be called while its event is handled: afterwards the browser empties it. */
export async function filesFromTransfer(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const handles = items.map((item) => item.getAsFileSystemHandle?.().catch(() => null));
  const entries = items.map((item) => item.webkitGetAsEntry?.());
  const files = [...transfer.files];
  const lists = await Promise.all(
    items.map(async (_, index) => {
      const handle = await handles[index];
      if (handle) return filesFromHandle(handle);
      if (entries[index]?.isDirectory) return filesFromEntry(entries[index], "");
      return files[index] ? [{ file: files[index], path: files[index].name, handle: null, grant: null }] : [];
    }),
  );
  return lists.flat();
}

const withDots = (extensions) => extensions.map((extension) => `.${extension}`);

/** The file types that the browser's dialog offers first; the user can still ask it for all files. */
const TYPES = {
  description: "Photos",
  accept: {
    "image/*": withDots(formats.STILLS),
    "video/*": withDots(formats.LIVE_VIDEOS),
    "application/xml": [".xmp"],
    "application/json": [".json"],
  },
};

export const hasPickers = "showOpenFilePicker" in globalThis && "showDirectoryPicker" in globalThis;

/** Opens the browser's dialog, which returns handles. Resolves with no files when the user closes it. */
export async function pickFiles() {
  const handles = await orNoneIfClosed(() => showOpenFilePicker({ multiple: true, id: "photos", startIn: "pictures", types: [TYPES] }));
  return (await Promise.all(handles.map((handle) => filesFromHandle(handle)))).flat();
}

/** As pickFiles(), for a folder. */
export async function pickFolder() {
  const [handle] = await orNoneIfClosed(async () => [await showDirectoryPicker({ id: "folder", startIn: "pictures" })]);
  return handle ? filesFromHandle(handle) : [];
}

async function orNoneIfClosed(openDialog) {
  try {
    return await openDialog();
  } catch (error) {
    if (error.name === "AbortError") return [];
    throw error;
  }
}

async function filesFromHandle(handle, path = handle.name, grant = handle) {
  if (handle.kind === "file") return [{ file: await handle.getFile(), path, handle, grant }];
  const files = [];
  for await (const child of handle.values()) files.push(...(await filesFromHandle(child, `${path}/${child.name}`, grant)));
  return files;
}

async function filesFromEntry(entry, parentPath) {
  const path = `${parentPath}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path, handle: null, grant: null }];
  }
  const files = [];
  for (const child of await readDirectory(entry)) files.push(...(await filesFromEntry(child, `${path}/`)));
  return files;
}

/** readEntries() returns a hundred entries at a time, and none at the end. */
async function readDirectory(directory) {
  const reader = directory.createReader();
  const entries = [];
  for (;;) {
    const chunk = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!chunk.length) return entries;
    entries.push(...chunk);
  }
}

function isInFolder(path) {
  return path.includes("/");
}

function byPath(a, b) {
  return NATURAL_ORDER.compare(a.path, b.path);
}

/** The same rule as `is_companion` of processing/pipeline/formats/extensions.py. */
function isCompanion(path) {
  const folders = path.toLowerCase().split("/");
  const name = folders.pop();
  const hasCompanionPrefix = (part) => formats.COMPANION_BEGINNINGS.some((prefix) => part.startsWith(prefix));
  return (
    COMPANION_NAMES.has(name) ||
    COMPANION_NAMES.has(name.replace(/\(\d+\)\.json$/, ".json")) ||
    name.endsWith(formats.COMPANION_STREAM) ||
    COMPANION_ENDINGS.has(extensionOf(name)) ||
    [...folders, name].some(hasCompanionPrefix) ||
    folders.some((folder) => COMPANION_FOLDERS.has(folder))
  );
}

/** Whether albums accept a file that lies in a folder. Hidden files are never sent with a folder. */
function isSupported(path, stills) {
  if (path.split("/").some((part) => part.startsWith("."))) return false;
  const extension = extensionOf(path);
  if (extension === "json") return isTakeoutMetadata(path.split("/").at(-1).toLowerCase());
  return STILLS.has(extension) || SIDECARS.has(extension) || (LIVE_VIDEOS.has(extension) && stills.has(stem(path)));
}

/** `IMG_1.jpg.json`, `IMG_1.jpg.supplemental-metadata(1).json`; Takeout cuts long names anywhere. */
function isTakeoutMetadata(name) {
  const base = name.replace(/(\(\d+\))?\.json$/, "");
  const lastPart = base.slice(base.lastIndexOf(".") + 1);
  if (base.length >= TAKEOUT_MAX_LENGTH || (lastPart.length > 4 && TAKEOUT_SUFFIX.startsWith(lastPart))) return true;
  const photo = TAKEOUT_SUFFIX.startsWith(lastPart) ? base.slice(0, -lastPart.length - 1) : base;
  const extension = fileExtension(photo);
  return photo.includes(".") && [...STILLS, ...LIVE_VIDEOS].some((accepted) => accepted.startsWith(extension));
}

/** The path that a still and the video of its Live Photo share, in lower case. Google's still is named `PXL_1.MP.jpg`, and icloudpd's video of
    a HEIC `IMG_1_HEVC.MOV`. */
function stem(path) {
  const base = path.toLowerCase().replace(/\.[^./]*$/, "").replace(/\.mp$/, "");
  return LIVE_VIDEOS.has(extensionOf(path)) ? base.replace(/_hevc$/, "") : base;
}

function extensionOf(path) {
  return fileExtension(path.split("/").at(-1)).toLowerCase();
}
