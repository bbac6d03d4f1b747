/* <panel-voice>: the live region. It stands outside the panel, which is replaced every second, and speaks only of news. */
import { announcement, read } from "./announcement.js";

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
