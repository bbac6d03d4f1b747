/* What the server's word on a file (docs/uploading.md) makes of it in the list. Pure. */

const HERE = new Set(["here", "twice", "trash"]);

/** The changes to a file that was declared. One that is to be sent is waiting, with its upload. */
export function declared(item, { state, upload, offset, message, photo, parts, part_bytes: partBytes }) {
  if (state === "received") return { state, upload, offset: item.size, ...become({ message, photo }) };
  if (upload) return { state: "waiting", upload, offset, parts, partBytes, words: "", isUnderWay: item.isUnderWay || state === "half" };
  if (HERE.has(state)) return { state: "here", words: message, photo, inFlight: 0 };
  if (state === "refused" || state === "skipped") return { state, words: message, inFlight: 0 };
  return { state: "later", upload: null, offset: 0 };
}

/** The changes to a file that is on its way, when its checksum has shown what it is; null when it goes on. */
export function recognised(told) {
  return HERE.has(told.state) ? declared(null, told) : null;
}

/** The changes to a file of which every byte was acknowledged: the whole is looked at only then. null when all is well. */
export function settled({ state, code, message, photo }) {
  if (HERE.has(state) || code === "duplicate") return { state: "here", words: message, photo };
  if (state === "refused" || state === "skipped") return { state, words: message };
  return null;
}

/** What a file that was received has become: its photo, the reason why it is none, or nothing yet. */
export function become({ message, photo }) {
  return { words: message ? `failed: ${message}` : "", photo: photo ?? null };
}

/** The changes to a file that was kept over a reload, and is not at hand yet. */
export function kept(item, told) {
  const { state, upload, offset } = told;
  return state === "received" || settled(told) ? { ...declared(item, told) } : { upload, offset };
}
