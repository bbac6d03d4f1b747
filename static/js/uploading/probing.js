/* Can the server be reached, and does it still know us? */
import { request } from "./wire.js";

const PATIENCE_MS = 10_000;

/** "open", "away" or "signed-out". `address` is a page that only who is signed in may see: others are sent elsewhere. */
export async function probe(address) {
  try {
    const { status, url } = await request("HEAD", address, { stallMs: PATIENCE_MS });
    if (!status || status >= 500) return "away";
    return new URL(url).pathname === new URL(address, location.href).pathname ? "open" : "signed-out";
  } catch {
    return "away";
  }
}
