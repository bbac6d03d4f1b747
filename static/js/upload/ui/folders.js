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

/** The folder that is the album itself when folders become albums inside it: "", or the only top folder if it has the album's title,
    because the album was made for it. Pure. */
export function rootOf(items, albumTitle) {
  const tops = new Set(items.map((item) => folderOf(item).split("/")[0]));
  const [top] = tops;
  return tops.size === 1 && top && titleOf(top) === albumTitle ? top : "";
}

/** Creates an album for each folder of the items, and sets it on them. With `tree`, {album, title}, folders become albums inside this album and
    each other, as on the disk. Resolves with the albums: {href, title, folder, album} each. Items in no folder are unchanged. */
export async function createAlbums(fileStore, items, url, tree = null) {
  const albums = [];
  const create = async (folder, parent) => {
    const title = titleOf(folder);
    const album = await createAlbum(url, title, parent);
    if (album) albums.push({ href: `/albums/${album}/`, title, folder, album });
    return album;
  };
  const albumOf = new Map(tree && [[rootOf(items, tree.title), tree.album], ["", tree.album]]);
  const albumInTree = async (folder) => {
    if (albumOf.has(folder)) return albumOf.get(folder);
    const parent = await albumInTree(folder.split("/").slice(0, -1).join("/"));
    const album = (await create(folder, parent)) ?? parent; // nested too deep: the photos go to the album around it
    albumOf.set(folder, album);
    return album;
  };
  for (const [folder, folderItems] of byFolder(items)) {
    const album = folder && (await (tree ? albumInTree(folder) : create(folder)));
    if (!album || album === tree?.album) continue;
    for (const item of folderItems) fileStore.set(item, { album });
  }
  return albums;
}

/** Creates an album; inside `parent`, if it is given and has none of this title yet. Resolves with the new album's id; null if the server did not create it. */
export async function createAlbum(url, title, parent = null) {
  const response = await request("POST", url, { body: new URLSearchParams({ title, ...(parent && { inside: parent, reuse: "yes" }) }) });
  const match = new URL(response.url || url, location.href).pathname.match(/\/albums\/(\d+)\/$/);
  return response.status === 200 && match ? match[1] : null;
}
