/* Which way a file goes: straight to the bucket where the server says so and this browser can, through the server otherwise. */
import { sendParts, Unreachable } from "./s3-upload.js";
import { send } from "./tus-upload.js";

/** Carry the item's file to its upload, by whichever way. `offset` null: ask first. Resolves and rejects as send() and sendParts() do.

    `link.bucket.isAway` remembers for all files that this browser does not reach the bucket. */
export async function carry({ item, offset, checksum, ...rest }) {
  const { file, upload: url, parts, partBytes } = item;
  const { link } = rest;
  if (!parts || link.bucket.isAway) return send({ ...rest, file, url, offset: parts ? null : offset });
  try {
    await sendParts({ ...rest, file, parts, partBytes, isNew: offset === 0, checksum });
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    link.bucket.isAway = !link.bucket.hasAnswered;
    await send({ ...rest, file, url, offset: null });
  }
}
