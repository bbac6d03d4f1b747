/* Chooses where a file is sent: straight to the bucket if the server offers it and this browser reaches it, to the server otherwise. */
import { BucketUnreachable, sendToBucket } from "./s3-upload.js";
import { sendByTus } from "./tus-upload.js";

/** Sends the item's file to its upload. An `offset` of null is fetched first. Resolves and rejects as sendByTus() and sendToBucket() do.

    `transport.bucket.isUnreachable` is remembered for all files. */
export async function sendFile({ item, offset, checksum, ...options }) {
  const { file, upload: url, parts, partBytes } = item;
  const { bucket } = options.transport;
  if (!parts || bucket.isUnreachable) return sendByTus({ ...options, file, url, offset: parts ? null : offset });
  try {
    await sendToBucket({ ...options, file, parts, partBytes, isNew: offset === 0, checksum });
  } catch (error) {
    if (!(error instanceof BucketUnreachable)) throw error;
    bucket.isUnreachable = !bucket.hasAnswered;
    await sendByTus({ ...options, file, url, offset: null });
  }
}
