/* The files of a batch that had arrived before the page was loaded. They are no longer stored, so that they are not listed, but the server
   counts them. Pure. */
import { isUnsent } from "./persistence.js";

const OF_BATCH = new Set(["missing", "pending", "waiting", "sending", "received", "failed"]);

/** Returns {files, bytes}: those of the panel's batch in the album `page` that are not among the items. `panel` is the panel's data. */
export function earlierFiles({ busy, total, bytesTotal }, items, page) {
  if (!busy) return { files: 0, bytes: 0 };
  const listed = items.filter((item) => item.album === page && OF_BATCH.has(item.state) && !(item.stored && isUnsent(item.stored)));
  const bytes = listed.reduce((sum, { size }) => sum + size, 0);
  return { files: Math.max(0, total - listed.length), bytes: Math.max(0, bytesTotal - bytes) };
}
