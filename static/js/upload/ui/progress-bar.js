/* The panel's progress bar: its value is the server's, advanced by the bytes that this page has in flight. */

/** Percent done. Receiving and developing count one half each, as in the server's own figure (processing/queries/album_progress.py), which it never falls
    below; never 100. Pure. */
export function percent({ bytesTotal, bytesArrived, total, completed, serverPercent }, sent) {
  if (!bytesTotal || !total) return serverPercent;
  const arrived = Math.min(1, Math.max(bytesArrived, sent) / bytesTotal);
  return Math.min(99, Math.max(serverPercent, 50 * (arrived + completed / total)));
}

/** Advances the bar in `panel` while the album is receiving files. */
export function updateProgressBar(panel, items, album) {
  const bar = panel.querySelector("#batch-progress");
  const { busy, receiving } = panel.dataset;
  if (!bar || !busy || !Number(receiving) || !bar.hasAttribute("value")) return;
  const batch = items.filter((item) => item.album === album && item.upload && item.state !== "cancelled" && item.state !== "here");
  const sent = batch.reduce((sum, { offset, inFlight, size }) => sum + Math.min(size, offset + inFlight), 0);
  const value = percent(serverProgress(panel.dataset), sent);
  if (Math.abs(bar.value - value) >= 0.1) bar.value = value;
}

function serverProgress({ bytesTotal, bytesArrived, total, done, failed, percent: serverPercent }) {
  return {
    bytesTotal: Number(bytesTotal),
    bytesArrived: Number(bytesArrived),
    total: Number(total),
    completed: Number(done) + Number(failed),
    serverPercent: Number(serverPercent),
  };
}
