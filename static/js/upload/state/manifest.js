/* The batch, declared up front: names, sizes and known checksums go to the server, and what it has of them comes back. */
import { Stalled } from "../transport/request.js";
import { verdict } from "../transport/response.js";

/** Another batch is at work in the album. */
export class Busy extends Error {}

/** The album is gone, or is not ours any more. */
export class NoAlbum extends Error {}

/** What `items` are to the server, in their order. With `open`, the batch is opened, or gone on with; otherwise nothing is changed.
    `skipped` lay in the same folders and are not sent: {path, size, modified} each, for the batch's receipt.

    Waits while nobody answers. Rejects with Busy, NoAlbum, the signal's reason, or an Error whose message is for the person. */
export async function declare(url, items, { open, skipped = [], link, signal }) {
  const body = JSON.stringify({ open, files: items.map(entry), ...(skipped.length ? { skipped: skipped.map(mention) } : {}) });
  for (;;) {
    await link.line.open(signal);
    const answer = await ask(url, body, link, signal);
    if (answer.status === 200 && answer.json?.files) return answer.json;
    const found = answer.status === 200 ? { is: "signed-out" } : verdict(answer); // 200 with a page is the sign-in
    if (answer.status === 409) throw new Busy(answer.json?.message);
    if (found.is === "gone") throw new NoAlbum(found.words || "This album was deleted.");
    if (!["away", "busy", "signed-out"].includes(found.is)) throw new Error(found.words || "The server did not understand.");
    link.line.shut(found);
  }
}

async function ask(url, body, { request, stallMs }, signal) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  try {
    return await request("POST", url, { headers, body, signal, stallMs });
  } catch (error) {
    if (error instanceof Stalled) return { status: 0, header: () => null, json: null };
    throw error;
  }
}

/** With its folders: files of one name in several belong to those beside them. */
function entry({ name, path, size, modified, sha256, upload }) {
  return { name: path || name, size, modified: modified ?? undefined, sha256: sha256 || undefined, upload: upload ?? undefined };
}

/** With its folders, which tell whether it is a system's. */
function mention({ path, size, modified }) {
  return { name: path, size, modified: modified ?? undefined };
}
