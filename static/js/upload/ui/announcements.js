/* What a screen reader should hear of the sending: milestones, not files. Pure. */
import { plural } from "../../format.js";
import { outcome, trouble } from "./texts.js";

const STEP = 25;

/** What matters of the sum over the list, of the queue and of the line. */
export function moment(sum, { isPaused, line }) {
  const all = sum.files - sum.count("cancelled", "later", "missing", "chosen");
  const share = sum.bytes ? (100 * sum.sent) / sum.bytes : 0;
  const [failed, missing] = [sum.count("failed"), sum.count("missing")];
  return { isSending: sum.toCome > 0, all, step: Math.floor(share / STEP) * STEP, isPaused, line, failed, missing, outcome: outcome(sum) };
}

/** The words for the change from one moment to the next; "" when it is not worth saying. */
export function news(before, after) {
  if (before.isSending && !after.isSending) return ended(after);
  if (!after.isSending) return "";
  if (!before.isSending) return `Sending ${plural(after.all, "photo")}.`;
  if (after.line !== before.line) return after.line === "open" ? "Sending goes on." : trouble(after.line);
  if (after.isPaused !== before.isPaused) return after.isPaused ? "Paused." : "Sending goes on.";
  if (after.failed > before.failed) return `${plural(after.failed, "photo")} could not be sent so far.`;
  if (after.step > before.step && after.step < 100) return `${after.step} % sent.`;
  return "";
}

function ended({ outcome: words, missing }) {
  if (missing) return `${plural(missing, "photo")} still to come.`;
  return words ? `All sent: ${words}.` : "";
}
