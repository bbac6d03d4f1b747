/* One bar: the panel's, as the server sees it, moved on by the bytes that this page knows to be on their way. */

/** Receiving and developing each are one half, as in the server's own count (processing/queries/album_progress.py). Never back, never full. Pure. */
export function percent({ bytesTotal, bytesArrived, total, settled, told }, sent) {
  if (!bytesTotal || !total) return told;
  const arrived = Math.min(1, Math.max(bytesArrived, sent) / bytesTotal);
  return Math.min(99, Math.max(told, 50 * (arrived + settled / total)));
}

export function refine(panel, items, album) {
  const bar = panel.querySelector("#batch-progress");
  const { busy, receiving, bytesTotal, bytesArrived, total, done, failed, percent: told } = panel.dataset;
  if (!bar || !busy || !Number(receiving) || !bar.hasAttribute("value")) return;
  const batch = items.filter((item) => item.album === album && item.upload && item.state !== "cancelled" && item.state !== "here");
  const sent = batch.reduce((sum, { offset, inFlight, size }) => sum + Math.min(size, offset + inFlight), 0);
  const known = { bytesTotal, bytesArrived, total, done, failed, told };
  for (const name of Object.keys(known)) known[name] = Number(known[name]);
  const refined = percent({ ...known, settled: known.done + known.failed }, sent);
  if (Math.abs(bar.value - refined) >= 0.1) bar.value = refined;
}
