/* <panel-announcer>: the live region for the upload panel. It stands outside the panel, which is replaced every second, and announces
   milestones only. */
import { plural } from "../format.js";

const STEP_PERCENT = 10;

class PanelAnnouncer extends HTMLElement {
  #before;

  connectedCallback() {
    this.#before = readPanel(panelElement());
    document.addEventListener("htmx:afterSwap", this.#afterSwap);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:afterSwap", this.#afterSwap);
  }

  announce(text) {
    this.textContent = text;
  }

  #afterSwap = () => {
    const after = readPanel(panelElement());
    const text = announcement(this.#before, after);
    this.#before = after;
    // Files that this page sends are announced by <upload-desk>.
    if (text && !(after.receiving && this.closest("upload-desk")?.isSending)) this.announce(text);
  };
}

/** The announcement of the change from one state of the panel to the next; "" if it is not worth one. Pure. */
export function announcement(before, after) {
  if (before.busy && !after.busy) return finished(after);
  if (!after.busy) return "";
  if (after.receiving) return before.receiving ? "" : "Uploading photos.";
  if (!before.busy || before.receiving) return `Processing ${plural(after.total, "photo")}.`;
  if (after.failed > before.failed) return `${plural(after.failed, "photo")} failed to process so far.`;
  if (step(after) > step(before)) return `${after.done} of ${plural(after.total, "photo")} processed.`;
  return "";
}

/** The state in the panel's data attributes. Without a panel nothing is busy. Pure. */
export function readPanel(panel) {
  const { busy, receiving, total, done, percent, added, failed, refused, duplicates, cancelled } = panel?.dataset ?? {};
  return {
    busy: Boolean(busy),
    receiving: Number(receiving),
    total: Number(total),
    done: Number(done),
    percent: Number(percent),
    added: Number(added),
    failed: Number(failed),
    refused: Number(refused),
    duplicates: Number(duplicates),
    cancelled: Number(cancelled),
  };
}

function finished({ added, failed, refused, duplicates, cancelled }) {
  const others = [failed && `${failed} failed to process`, refused && `${refused} rejected`, duplicates && `${duplicates} already in album`, cancelled && `${cancelled} cancelled`];
  return `Done. ${[`${plural(added, "photo")} added`, ...others.filter(Boolean)].join(", ")}.`;
}

function step({ percent }) {
  return Math.floor(percent / STEP_PERCENT);
}

function panelElement() {
  return document.getElementById("upload-panel");
}

customElements.define("panel-announcer", PanelAnnouncer);
