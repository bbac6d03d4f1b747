/* Matches files that were chosen again with the items that were in progress before a reload. Pure. */

/** Returns {pairs, doubtful, others}: pairs of an item and its file, pairs that only a checksum can confirm since their dates differ, and
    files that match no item. */
export function matchFiles(items, files) {
  const unmatched = new Map();
  for (const item of items) {
    const key = nameAndSize(item);
    unmatched.set(key, [...(unmatched.get(key) ?? []), item]);
  }
  const [pairs, doubtful, others] = [[], [], []];
  for (const file of files) {
    const candidates = unmatched.get(nameAndSize(file)) ?? [];
    const item = bestMatch(candidates, file);
    if (!item) {
      others.push(file);
      continue;
    }
    candidates.splice(candidates.indexOf(item), 1);
    (hasSameDate(item, file) ? pairs : doubtful).push([item, file]);
  }
  return { pairs, doubtful, others };
}

/** Cameras begin again at DSC_0001 in each folder: of several items with one name and size, the date and then the folder decide. */
function bestMatch(candidates, file) {
  const score = (item) => 2 * Number(hasSameDate(item, file)) + Number(item.path === file.path);
  return candidates.reduce((best, item) => (best && score(best) >= score(item) ? best : item), null);
}

function hasSameDate(item, file) {
  return item.modified === null || item.modified === file.modified;
}

function nameAndSize({ name, size }) {
  return `${size}:${name}`;
}
