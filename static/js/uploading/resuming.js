/* After a reload: what was on its way is found again, in the browser's own store and at the server, and goes on where it stopped. */
import { match } from "./matching.js";
import { hex } from "./sha256.js";
import { kept } from "./told.js";

/** The kept files as items of the ledger, missing until their files are at hand again; those that arrived meanwhile are settled. */
export async function restore({ keep, ledger, sender }) {
  const rows = await keep.all();
  const skipped = rows.filter(({ isSkipped }) => isSkipped);
  const items = ledger.add(rows.filter(({ isSkipped }) => !isSkipped).map((row) => ({ ...row, state: "missing" })));
  if (!items.length) return keep.forget(skipped), [];
  if (skipped.length) sender.skip(skipped);
  await open(ledger, items);
  await settle({ keep, ledger, sender }, items);
  return items;
}

/** Ask what has become of missing files: those that have arrived are missing no more. */
export async function settle({ keep, ledger, sender }, missing) {
  for (const album of new Set(missing.map((item) => item.album))) {
    const mine = missing.filter((item) => item.album === album);
    const answer = await sender.compare(album, mine).catch(() => null);
    answer?.files.forEach((told, number) => {
      const item = mine[number];
      if (item.state !== "missing") return; // it was chosen meanwhile
      ledger.set(item, kept(item, told));
      if (item.state !== "missing") keep.forget([item]);
    });
  }
}

/** Open the files of those whose handles may be read without asking; with `asks`, after asking, which needs a press of a button. */
export async function open(ledger, items, asks = false) {
  let mayAsk = asks; // who said no once is not asked for each of the others
  for (const item of items.filter(({ file, handle }) => handle && !file)) {
    const isGranted = await permission(item.grant, mayAsk);
    mayAsk &&= isGranted;
    const file = isGranted ? await item.handle.getFile().catch(() => null) : null;
    if (file && file.size === item.size && file.lastModified === item.modified) ledger.set(item, { file });
  }
}

/** Give the files chosen again to those that miss them. Answers the items that can go on, and what was chosen besides. */
export async function rejoin({ ledger, hasher }, found) {
  const expected = ledger.in("missing", "failed");
  const files = found.map((one) => ({ ...one, name: one.file.name, size: one.file.size, modified: one.file.lastModified }));
  const { pairs, doubtful, others } = match(expected, files);
  for (const [item, one] of doubtful) {
    const same = item.sha256 && hex(await hasher.file(one.file)) === item.sha256;
    if (same) pairs.push([item, one]);
    else others.push(one);
  }
  for (const [item, { file, handle, grant }] of pairs) ledger.set(item, { file, handle, grant, isUnhashable: false });
  return { items: pairs.map(([item]) => item), others };
}

async function permission(grant, asks) {
  try {
    const state = await grant.queryPermission({ mode: "read" });
    return (state === "prompt" && asks ? await grant.requestPermission({ mode: "read" }) : state) === "granted";
  } catch {
    return false;
  }
}
