/* <panel-voice>: the live region. It stands outside the panel, which is replaced every second, and speaks only of news. */
import { plural } from "../format.js";

const STEP_PERCENT = 10;

class PanelVoice extends HTMLElement {
  #before;

  connectedCallback() {
    this.#before = read(panel());
    document.addEventListener("htmx:afterSwap", this.#listen);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:afterSwap", this.#listen);
  }

  say(words) {
    this.textContent = words;
  }

  #listen = () => {
    const after = read(panel());
    const words = announcement(this.#before, after);
    this.#before = after;
    // What comes from this very page, the desk tells of itself.
    if (words && !(after.receiving && this.closest("upload-desk")?.isSending)) this.say(words);
  };
}

function panel() {
  return document.getElementById("upload-panel");
}

customElements.define("panel-voice", PanelVoice);

/** The words for the change from one state of the panel to the next; "" when it is not worth saying. */
export function announcement(before, after) {
  if (before.busy && !after.busy) return finished(after);
  if (!after.busy) return "";
  if (after.receiving) return before.receiving ? "" : "Receiving photos.";
  if (!before.busy || before.receiving) return `Developing ${plural(after.total, "photo")}.`;
  if (after.failed > before.failed) return `${plural(after.failed, "photo")} could not be developed so far.`;
  if (step(after) > step(before)) return `${after.done} of ${plural(after.total, "photo")} developed.`;
  return "";
}

/** The state that a panel element carries in its data attributes. */
export function read(panel) {
  const { busy, receiving, total, done, percent, added, failed, refused } = panel?.dataset ?? {};
  return {
    busy: Boolean(busy),
    receiving: Number(receiving),
    total: Number(total),
    done: Number(done),
    percent: Number(percent),
    added: Number(added),
    failed: Number(failed),
    refused: Number(refused),
  };
}

function finished({ added, failed, refused }) {
  const trouble = [failed && `${failed} could not be developed`, refused && `${refused} not taken in`].filter(Boolean);
  return `Done. ${[`${plural(added, "photo")} added`, ...trouble].join(", ")}.`;
}

function step({ percent }) {
  return Math.floor(percent / STEP_PERCENT);
}
