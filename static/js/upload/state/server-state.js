/* Changes to a file in the list that follow from the server's reply about it (docs/uploading.md). Pure. */

const ALREADY_THERE = new Set(["here", "twice", "trash"]);

/** The changes to a file after it was declared. A file that is to be sent is waiting, and has its upload. */
export function afterDeclare(item, reply) {
  const { state, upload, offset, message, photo, parts, part_bytes: partBytes } = reply;
  if (reply.held) return afterQuestion(reply);
  if (state === "received") return { state, upload, offset: item.size, ...processingResult({ message, photo }) };
  if (upload) {
    const mustFetchOffset = item.mustFetchOffset || state === "half";
    return { state: "waiting", upload, offset, parts, partBytes, message: "", mustFetchOffset };
  }
  if (state === "here" && item?.choice === "skip") return { state: "skipped", message, photo, inFlight: 0 };
  if (ALREADY_THERE.has(state)) return { state: "here", message, photo, inFlight: 0 };
  if (state === "refused" || state === "skipped") return { state, message, inFlight: 0 };
  return { state: "later", upload: null, offset: 0 };
}

/** The changes to a file about which the user has to decide. */
function afterQuestion({ state, photo, album }) {
  return { state: "held", serverState: state, photo, otherAlbum: album ?? null, upload: null, offset: 0, inFlight: 0, message: "" };
}

/** The changes to a file in progress after its checksum was reported; null if it still has to be sent. */
export function afterChecksum(reply) {
  return reply.held || ALREADY_THERE.has(reply.state) ? afterDeclare(null, reply) : null;
}

/** The changes to a file after its last byte was acknowledged, when the server has looked at the whole; null if it was accepted. */
export function afterReceived({ state, code, message, photo, held }) {
  if (held) return null;
  if (ALREADY_THERE.has(state) || code === "duplicate") return { state: "here", message, photo };
  if (state === "refused" || state === "skipped") return { state, message };
  return null;
}

/** The result of processing a received file: its photo, the reason why there is none, or neither yet. */
export function processingResult({ message, photo }) {
  return { message: message ? `failed: ${message}` : "", photo: photo ?? null };
}

/** The changes to a file that was restored after a reload and has no File object yet. */
export function afterReload(item, reply) {
  const { state, upload, offset } = reply;
  return state === "received" || afterReceived(reply) ? { ...afterDeclare(item, reply) } : { upload, offset };
}
