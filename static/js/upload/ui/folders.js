/* The folders of chosen files, and an album for each. */
import { request } from "../transport/request.js";

/** The path of the file's folder, beginning at the folder that was chosen or dropped; "" for a file chosen by itself. Pure. */
export function folderOf({ path }) {
  return path.split("/").slice(0, -1).join("/");
}

/** A Map from folder to its items, in order. Pure. */
export function byFolder(items) {
  const folders = new Map();
  for (const item of items) {
    const folder = folderOf(item);
    folders.set(folder, [...(folders.get(folder) ?? []), item]);
  }
  return folders;
}

/** The album title for a folder: its last part. Decomposed accents (macOS) are composed, and a long title is cut between characters. Pure. */
export function titleOf(folder, maxLength = 200) {
  let title = "";
  let remaining = maxLength;
  for (const { segment } of new Intl.Segmenter().segment(folder.split("/").at(-1).normalize("NFC").trim())) {
    remaining -= [...segment].length; // the server counts code points
    if (remaining < 0) break;
    title += segment;
  }
  return title.trim() || "Untitled";
}

/** Creates an album for each folder of the items, and sets it on them. Resolves with the new albums: {href, title, folder, album} each. Items
    in no folder are unchanged. */
export async function createAlbums(fileStore, items, url) {
  const albums = [];
  for (const [folder, folderItems] of byFolder(items)) {
    const title = titleOf(folder);
    const album = folder && (await createAlbum(url, title));
    if (!album) continue;
    for (const item of folderItems) fileStore.set(item, { album });
    albums.push({ href: `/albums/${album}/`, title, folder, album });
  }
  return albums;
}

/** Resolves with the new album's id; null if the server did not create it. */
export async function createAlbum(url, title) {
  const response = await request("POST", url, { body: new URLSearchParams({ title }) });
  const match = new URL(response.url || url, location.href).pathname.match(/\/albums\/(\d+)\/$/);
  return response.status === 200 && match ? match[1] : null;
}
