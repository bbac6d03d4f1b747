/* What a screen reader announces about the upload: milestones, not single files. Pure. */
import { plural } from "../../format.js";
import { connectionProblem, outcomeCounts } from "./texts.js";

const STEP_PERCENT = 25;

/** The state that announcements compare: from the totals of the list, the queue and the connection. */
export function snapshot(sum, { isPaused, connection }) {
  return {
    isSending: sum.inProgress > 0,
    files: sum.files - sum.count("cancelled", "later", "missing", "chosen", "held"),
    percent: Math.floor((sum.bytes ? (100 * sum.sent) / sum.bytes : 0) / STEP_PERCENT) * STEP_PERCENT,
    isPaused,
    connection,
    failed: sum.count("failed"),
    missing: sum.count("missing"),
    isCancelled: sum.ended > 0 && sum.ended === sum.count("cancelled"),
    outcome: outcomeCounts(sum),
  };
}

/** The announcement of the change from one snapshot to the next; "" if it is not worth one. */
export function announcement(before, after) {
  if (before.isSending && !after.isSending) return finished(after);
  if (!after.isSending) return "";
  if (!before.isSending) return `Uploading ${plural(after.files, "photo")}.`;
  if (after.connection !== before.connection) return after.connection === "open" ? "Upload resumed." : connectionProblem(after.connection);
  if (after.isPaused !== before.isPaused) return after.isPaused ? "Paused." : "Upload resumed.";
  if (after.failed > before.failed) return `${plural(after.failed, "photo")} failed to upload so far.`;
  if (after.percent > before.percent && after.percent < 100) return `${after.percent} % uploaded.`;
  return "";
}

function finished({ outcome, missing, isCancelled }) {
  if (isCancelled) return "Upload cancelled.";
  if (missing) return `Waiting for ${plural(missing, "file")}.`;
  return outcome ? `Upload complete: ${outcome}.` : "";
}
