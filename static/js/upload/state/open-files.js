/* Files that were chosen before a reload, read again by the handles that the browser has stored. */

/** Opens the items' files by their handles, as far as the browser permits it. With `asksPermission` the browser may ask the user, which it
    does only while a click is handled. */
export async function openFiles(fileStore, items, asksPermission = false) {
  let mayAsk = asksPermission; // a user who refuses once is not asked for each of the other files
  for (const item of items.filter(({ file, handle }) => handle && !file)) {
    const isGranted = await hasPermission(item.grant, mayAsk);
    mayAsk &&= isGranted;
    const file = isGranted ? await item.handle.getFile().catch(() => null) : null;
    if (file && file.size === item.size && file.lastModified === item.modified) fileStore.set(item, { file });
  }
}

async function hasPermission(grant, asksPermission) {
  try {
    const state = await grant.queryPermission({ mode: "read" });
    return (state === "prompt" && asksPermission ? await grant.requestPermission({ mode: "read" }) : state) === "granted";
  } catch {
    return false;
  }
}
