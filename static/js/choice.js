/* Which of the chosen files can go with the next batch. Pure: a file is anything with name, size and lastModified. */

/** The files chosen so far and those just chosen; the same file chosen twice is there once. */
export function add(chosen, files) {
  const seen = new Set(chosen.map(print));
  return [...chosen, ...files.filter((file) => !seen.has(print(file)) && seen.add(print(file)))];
}

/** What goes now, what is too large to go ever, and what waits for the next batch. */
export function sort(chosen, { maxFiles, maxBytes }) {
  const fitting = chosen.filter((file) => file.size <= maxBytes);
  return {
    ready: fitting.slice(0, maxFiles),
    later: fitting.slice(maxFiles),
    tooLarge: chosen.filter((file) => file.size > maxBytes),
  };
}

export function total(files) {
  return files.reduce((sum, file) => sum + file.size, 0);
}

function print(file) {
  return `${file.webkitRelativePath ?? ""}/${file.name}:${file.size}:${file.lastModified}`;
}
