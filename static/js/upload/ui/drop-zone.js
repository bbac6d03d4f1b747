/* Files dropped anywhere on the page, or pasted into it; a curtain says what will become of them. */
import { fromTransfer, holdsFiles } from "./file-picker.js";

export class Drops {
  #root;
  #onFiles;
  #words;
  #depth = 0;
  #isOwnDrag = false;

  /** `root` holds the curtain; `words()` stand on it. */
  constructor(root, { signal, onFiles, words }) {
    this.#root = root;
    this.#onFiles = onFiles;
    this.#words = words;
    const on = (name, act) => document.addEventListener(name, act, { signal });
    on("dragstart", () => (this.#isOwnDrag = true));
    on("dragend", () => (this.#isOwnDrag = false));
    on("dragenter", this.#enter);
    on("dragover", (event) => this.#isOffered(event.dataTransfer) && event.preventDefault());
    on("dragleave", this.#leave);
    on("drop", this.#drop);
    on("paste", (event) => this.#take(event, event.clipboardData));
  }

  get #curtain() {
    return this.#root.querySelector("[data-curtain]");
  }

  /** A photo of this very page, dragged, is a file too, says the browser; nobody means to send it again. */
  #isOffered(transfer) {
    return !this.#isOwnDrag && holdsFiles(transfer);
  }

  #enter = (event) => {
    if (!this.#isOffered(event.dataTransfer)) return;
    event.preventDefault();
    this.#depth += 1; // every element below the pointer has its own enter and leave
    this.#root.querySelector("[data-curtain-words]").textContent = this.#words();
    this.#curtain.hidden = false;
  };

  #leave = () => {
    this.#depth = Math.max(0, this.#depth - 1);
    if (!this.#depth) this.#curtain.hidden = true;
  };

  #drop = (event) => {
    this.#depth = 0;
    this.#curtain.hidden = true;
    this.#take(event, event.dataTransfer);
  };

  #take(event, transfer) {
    if (!this.#isOffered(transfer)) return;
    event.preventDefault();
    fromTransfer(transfer).then(this.#onFiles);
  }
}
