/* Accepts files that are dropped anywhere on the page or pasted into it. While files are dragged over it, an overlay says what will happen
   with them. */
import { filesFromTransfer, hasFiles } from "./file-picker.js";

export class DropZone {
  #onFiles;
  #targetOf;
  #overlay = createOverlay();
  #depth = 0;
  #isOwnDrag = false;

  /** `targetOf(element)` returns where files that are dropped on the element go: {text, element} and everything else that `onFiles(entries, target)`
      needs; null if the page does not accept them there. */
  constructor({ onFiles, targetOf }) {
    this.#onFiles = onFiles;
    this.#targetOf = targetOf;
    const on = (name, listener) => document.addEventListener(name, listener);
    on("dragstart", () => (this.#isOwnDrag = true));
    on("dragend", () => (this.#isOwnDrag = false));
    on("dragenter", this.#onDragEnter);
    on("dragover", this.#onDragOver);
    on("dragleave", this.#onDragLeave);
    on("drop", this.#onDrop);
    on("paste", (event) => this.#take(event, event.clipboardData));
  }

  /** False for a photo dragged from this very page: the browser offers it as a file, but it is not meant to be sent again. */
  #accepts(transfer) {
    return !this.#isOwnDrag && hasFiles(transfer);
  }

  #onDragEnter = (event) => {
    if (!this.#accepts(event.dataTransfer)) return;
    event.preventDefault();
    this.#depth += 1; // every element below the pointer has its own enter and leave
    this.#show(this.#targetOf(event.target));
  };

  /** Without preventDefault() the browser would leave the page to show a file that is dropped where none are accepted. */
  #onDragOver = (event) => {
    if (!this.#accepts(event.dataTransfer)) return;
    event.preventDefault();
    if (!this.#targetOf(event.target)) event.dataTransfer.dropEffect = "none";
  };

  #onDragLeave = () => {
    this.#depth = Math.max(0, this.#depth - 1);
    if (!this.#depth) this.#hide();
  };

  #onDrop = (event) => {
    this.#depth = 0;
    this.#hide();
    this.#take(event, event.dataTransfer);
  };

  #take(event, transfer) {
    if (!this.#accepts(transfer)) return;
    event.preventDefault();
    const target = this.#targetOf(event.target);
    if (target) filesFromTransfer(transfer).then((entries) => this.#onFiles(entries, target));
  }

  #show(target) {
    this.#hide();
    if (!target) return;
    document.body.append(this.#overlay);
    this.#overlay.firstElementChild.textContent = target.text;
    target.element?.classList.add("is-drop-target");
  }

  #hide() {
    this.#overlay.remove();
    document.querySelector(".is-drop-target")?.classList.remove("is-drop-target");
  }
}

function createOverlay() {
  const overlay = Object.assign(document.createElement("div"), { className: "drop-overlay", ariaHidden: "true" });
  overlay.append(Object.assign(document.createElement("p"), { className: "drop-overlay__text" }));
  return overlay;
}
