/* Folders that were chosen: which there are, and an album for each. */
import { request } from "./wire.js";

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

/** The last part is what the photographer called it. Pure. */
export function titleOf(folder, longest = 200) {
  return folder.split("/").at(-1).trim().slice(0, longest) || "Untitled";
}

/** Make an album, and answer its id; null if the server did not make one. */
export async function makeAlbum(url, title) {
  const answer = await request("POST", url, { body: new URLSearchParams({ title }) });
  const found = new URL(answer.url || url, location.href).pathname.match(/\/albums\/(\d+)\/$/);
  return answer.status === 200 && found ? found[1] : null;
}
