/* Folders that were chosen: which there are, and an album for each. */
import { request } from "../transport/request.js";

/** The name of the folder that was chosen or dropped, or of the folder in it if that held several; "" for a file by itself. Pure. */
export function folderOf({ path }) {
  return path.split("/").slice(0, -1).join("/");
}

/** Items by folder, in order. Pure. */
export function byFolder(items) {
  const groups = new Map();
  for (const item of items) {
    const folder = folderOf(item);
    groups.set(folder, [...(groups.get(folder) ?? []), item]);
  }
  return groups;
}

/** The last part is what the photographer called it. Macs take accents apart; a long one is not cut within a character. Pure. */
export function titleOf(folder, longest = 200) {
  let title = "";
  let left = longest;
  for (const { segment } of new Intl.Segmenter().segment(folder.split("/").at(-1).normalize("NFC").trim())) {
    left -= [...segment].length; // the server counts code points
    if (left < 0) break;
    title += segment;
  }
  return title.trim() || "Untitled";
}

/** An album for each folder of the items, which are told of it. Answers the albums made, with their folders; what lies in no folder
    stays where it is. */
export async function makeAlbums(ledger, items, url) {
  const made = [];
  for (const [folder, inside] of byFolder(items)) {
    const title = titleOf(folder);
    const album = folder && (await makeAlbum(url, title));
    if (!album) continue;
    for (const item of inside) ledger.set(item, { album });
    made.push({ href: `/albums/${album}/`, title, folder, album });
  }
  return made;
}

/** Its id; null if the server did not make one. */
async function makeAlbum(url, title) {
  const answer = await request("POST", url, { body: new URLSearchParams({ title }) });
  const found = new URL(answer.url || url, location.href).pathname.match(/\/albums\/(\d+)\/$/);
  return answer.status === 200 && found ? found[1] : null;
}
