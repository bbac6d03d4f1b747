/* Accepts files that are dropped anywhere on the page or pasted into it. While files are dragged over it, an overlay says what will happen
   with them. */
import { filesFromTransfer, hasFiles } from "./file-picker.js";

export class DropZone {
  #root;
  #onFiles;
  #overlayText;
  #depth = 0;
  #isOwnDrag = false;

  /** `root` contains the overlay; `overlayText()` returns its text. */
  constructor(root, { signal, onFiles, overlayText }) {
    this.#root = root;
    this.#onFiles = onFiles;
    this.#overlayText = overlayText;
    const on = (name, listener) => document.addEventListener(name, listener, { signal });
    on("dragstart", () => (this.#isOwnDrag = true));
    on("dragend", () => (this.#isOwnDrag = false));
    on("dragenter", this.#onDragEnter);
    on("dragover", (event) => this.#accepts(event.dataTransfer) && event.preventDefault());
    on("dragleave", this.#onDragLeave);
    on("drop", this.#onDrop);
    on("paste", (event) => this.#take(event, event.clipboardData));
  }

  get #overlay() {
    return this.#root.querySelector("[data-drop-overlay]");
  }

  /** False for a photo dragged from this very page: the browser offers it as a file, but it is not meant to be sent again. */
  #accepts(transfer) {
    return !this.#isOwnDrag && hasFiles(transfer);
  }

  #onDragEnter = (event) => {
    if (!this.#accepts(event.dataTransfer)) return;
    event.preventDefault();
    this.#depth += 1; // every element below the pointer has its own enter and leave
    this.#root.querySelector("[data-drop-overlay-text]").textContent = this.#overlayText();
    this.#overlay.hidden = false;
  };

  #onDragLeave = () => {
    this.#depth = Math.max(0, this.#depth - 1);
    if (!this.#depth) this.#overlay.hidden = true;
  };

  #onDrop = (event) => {
    this.#depth = 0;
    this.#overlay.hidden = true;
    this.#take(event, event.dataTransfer);
  };

  #take(event, transfer) {
    if (!this.#accepts(transfer)) return;
    event.preventDefault();
    filesFromTransfer(transfer).then(this.#onFiles);
  }
}
