/* The files in a drop or a paste, those in dropped folders included. */

/** Must be called while the event is being handled: afterwards the browser empties it. */
export function filesIn(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return Promise.resolve([...transfer.files]);
  return Promise.all(entries.filter(Boolean).map(walk)).then((lists) => lists.flat());
}

export function holdsFiles(transfer) {
  return Boolean(transfer?.types.includes("Files"));
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const found = [];
  for (const inner of await contents(entry)) found.push(...(await walk(inner)));
  return found.filter((file) => !file.name.startsWith(".")); // .DS_Store and its kind: nobody dropped those on purpose
}

/** A reader hands out a folder in portions of a hundred, and ends with an empty one. */
async function contents(directory) {
  const reader = directory.createReader();
  const found = [];
  for (;;) {
    const portion = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!portion.length) return found;
    found.push(...portion);
  }
}
