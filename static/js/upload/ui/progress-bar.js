/* The panel's bar of what has arrived: its value is the server's, advanced by the bytes that this page has in flight. */

/** Percent of the bytes that have arrived, never below the server's figure; never 100. Pure. */
export function percent({ bytesTotal, bytesArrived }, sent) {
  return bytesTotal ? Math.min(99, (100 * Math.max(bytesArrived, sent)) / bytesTotal) : 0;
}

/** Advances the bar in `panel` while the album is receiving files. */
export function updateProgressBar(panel, items, album) {
  const bar = panel.querySelector("#batch-progress");
  if (!bar?.hasAttribute("value")) return;
  const batch = items.filter((item) => item.album === album && item.upload && item.state !== "cancelled" && item.state !== "here");
  const sent = batch.reduce((sum, { offset, inFlight, size }) => sum + Math.min(size, offset + inFlight), 0);
  const { bytesTotal, bytesArrived } = panel.dataset;
  const value = percent({ bytesTotal: Number(bytesTotal), bytesArrived: Number(bytesArrived) }, sent);
  if (Math.abs(bar.value - value) >= 0.1) bar.value = value;
}
