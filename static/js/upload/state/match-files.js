/* Which of the files chosen again are those that were on their way. Pure. */

/** Pairs of an expected item and its file; pairs that only a checksum can tell (date differs); and files that are none of them. */
export function match(expected, files) {
  const open = new Map();
  for (const item of expected) {
    const key = look(item);
    open.set(key, [...(open.get(key) ?? []), item]);
  }
  const [pairs, doubtful, others] = [[], [], []];
  for (const file of files) {
    const candidates = open.get(look(file)) ?? [];
    const item = best(candidates, file);
    if (!item) {
      others.push(file);
      continue;
    }
    candidates.splice(candidates.indexOf(item), 1);
    (isSameDate(item, file) ? pairs : doubtful).push([item, file]);
  }
  return { pairs, doubtful, others };
}

/** Cameras begin anew at DSC_0001 in each folder: of several with one look, that with the date and the folder too. */
function best(candidates, file) {
  const score = (item) => 2 * Number(isSameDate(item, file)) + Number(item.path === file.path);
  return candidates.reduce((first, item) => (first && score(first) >= score(item) ? first : item), null);
}

function isSameDate(item, file) {
  return item.modified === null || item.modified === file.modified;
}

function look({ name, size }) {
  return `${size}:${name}`;
}
