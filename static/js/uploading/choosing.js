/* Files as they are chosen, dropped or pasted, folders and all: {file, path, handle, grant} each. `handle` opens the file again after
   a reload, where the browser has such handles; `grant` is the one to ask for leave, a folder's for all that is in it. */
import { ending } from "../format.js";

const PHOTOS = new Set("jpg jpeg jpe jfif mpo heic heif hif avif png webp tif tiff gif bmp dib".split(" "));
const IN_ORDER = new Intl.Collator("en", { numeric: true });
const NOISE = /(^|\/)(\.[^/]*|thumbs\.db|desktop\.ini|__macosx)(\/|$)/i;

/** Parts what was found in folders: those to send, and how many were left out because nobody means to send them. Pure.

    Whatever was chosen by itself is meant: only the server says whether it is a photo. Folders tell their files in no order, so these
    are put in that of their names. */
export function sift(found) {
  const kept = found.filter(({ path }) => !NOISE.test(path) && (!isInFolder(path) || isPhoto(path)));
  const [folders, single] = [kept.filter(({ path }) => isInFolder(path)), kept.filter(({ path }) => !isInFolder(path))];
  return { kept: [...single, ...folders.sort((a, b) => IN_ORDER.compare(a.path, b.path))], left: found.length - kept.length };
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

export const canPick = "showOpenFilePicker" in globalThis && "showDirectoryPicker" in globalThis;

/** The browser's own dialogs, which give handles. Empty when the person chose nothing after all. */
export async function pickFiles() {
  const handles = await picked(() => showOpenFilePicker({ multiple: true, id: "photos", startIn: "pictures" }));
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

function isPhoto(path) {
  return PHOTOS.has(ending(path.split("/").at(-1)).toLowerCase());
}
