/* Declares a batch before it is sent: names, sizes and known checksums go to the server, which replies with the state of each file. */
import { Stalled } from "../transport/request.js";
import { interpret } from "../transport/response.js";
import { CLOSES_CONNECTION } from "../transport/tus-upload.js";

/** Another batch is in progress in the album. */
export class AlbumBusy extends Error {}

/** The album was deleted, or this user has lost access to it. */
export class AlbumGone extends Error {}

/** Resolves with the server's reply about `items`, one entry in `files` for each, in order. With `open`, the batch is opened or continued;
    otherwise nothing changes. `skipped` are files of the same folders that are not sent: {path, size, modified} each, for the receipt.

    Waits while the server does not answer. Rejects with AlbumBusy, AlbumGone, the signal's reason, or an Error with a message for the user. */
export async function declare(url, items, { open, skipped = [], transport, signal }) {
  const body = JSON.stringify({ open, asks: true, files: items.map(fileEntry), ...(skipped.length ? { skipped: skipped.map(skippedEntry) } : {}) });
  for (;;) {
    await transport.connection.untilOpen(signal);
    const response = await post(url, body, transport, signal);
    if (response.status === 200 && response.json?.files) return response.json;
    const outcome = response.status === 200 ? { kind: "signed-out" } : interpret(response); // 200 with a page is the sign-in page
    if (response.status === 409) throw new AlbumBusy(response.json?.message);
    if (outcome.kind === "gone") throw new AlbumGone(outcome.message || "This album was deleted.");
    if (!CLOSES_CONNECTION.has(outcome.kind)) throw new Error(outcome.message || "Unexpected response from the server.");
    transport.connection.close(outcome);
  }
}

async function post(url, body, { request, stallMs }, signal) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  try {
    return await request("POST", url, { headers, body, signal, stallMs });
  } catch (error) {
    if (error instanceof Stalled) return { status: 0, header: () => null, json: null };
    throw error;
  }
}

/** The name includes the folders: of files with one name, each is grouped with those in its own folder. */
function fileEntry({ name, path, size, modified, sha256, upload, choice }) {
  return {
    name: path || name,
    size,
    modified: modified ?? undefined,
    sha256: sha256 || undefined,
    upload: upload ?? undefined,
    choice: choice ?? undefined,
  };
}

/** The name includes the folders, by which the server recognises system files. */
function skippedEntry({ path, size, modified }) {
  return { name: path, size, modified: modified ?? undefined };
}
