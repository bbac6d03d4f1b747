/* The rows of the file list: one per file, created once and updated only when its file has changed. Thousands are created a few at a time, so
   that the page stays responsive; rows out of view are not laid out (content-visibility). */
import { bytes, fileExtension, splitName } from "../../format.js";
import { ENDED, isInProgress } from "../state/file-store.js";
import { preview } from "./previews.js";
import { fileStatus } from "./texts.js";

const ROWS_PER_FRAME = 200;

export class FileRows {
  #list;
  #template;
  #rows = new Map();
  #changed = new Set();
  #followed = null;

  constructor(list, template) {
    this.#list = list;
    this.#template = template;
  }

  /** Renders changed items. Returns whether more are left for the next frame. */
  render(items) {
    for (const item of items) this.#changed.add(item);
    let count = 0;
    const newRows = document.createDocumentFragment();
    for (const item of this.#changed) {
      if (++count > ROWS_PER_FRAME) break;
      this.#changed.delete(item);
      this.#renderItem(item, newRows);
    }
    if (newRows.childNodes.length) this.#list.append(newRows);
    return this.#changed.size > 0;
  }

  /** Scrolls the list to the item, unless the pointer or the focus is in the list. */
  follow(item) {
    const row = item && this.#rows.get(item.id)?.element;
    if (!row || row === this.#followed || this.#list.matches(":hover, :focus-within")) return;
    this.#followed = row;
    this.#list.scrollTop = row.offsetTop - this.#list.offsetTop - row.offsetHeight;
  }

  /** The id of the item whose row contains the element. */
  idOf(element) {
    return Number(element.closest("[data-file]")?.dataset.file);
  }

  #renderItem(item, newRows) {
    const row = this.#rows.get(item.id);
    if (item.isRemoved) {
      row?.element.remove();
      this.#rows.delete(item.id);
    } else if (row) update(row, item);
    else newRows.append(this.#create(item));
  }

  #create(item) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`.file-row__${name}`);
    const row = { element, status: part("status"), bar: part("bar"), retry: part("retry"), remove: part("remove"), preview: part("preview") };
    element.dataset.file = item.id;
    const [head, tail] = splitName(item.name);
    part("name").title = item.path || item.name;
    part("head").textContent = head;
    part("tail").textContent = tail;
    part("size").textContent = bytes(item.size);
    row.preview.textContent = fileExtension(item.name);
    row.bar.setAttribute("aria-label", `${item.name} uploaded`);
    row.retry.setAttribute("aria-label", `Retry ${item.name}`);
    this.#rows.set(item.id, row);
    update(row, item);
    return element;
  }
}

function update(row, item) {
  if (item.file && row.file !== item.file) {
    row.file = item.file;
    preview(item.file, row.preview);
  }
  if (row.element.dataset.state !== item.state) updateState(row, item);
  const status = fileStatus(item);
  if (row.statusText !== status) row.status.textContent = row.statusText = status;
  if (item.photo && !row.hasLink) addLink(row, item);
  if (item.state === "sending" && item.size) row.bar.value = (100 * Math.min(item.size, item.offset + item.inFlight)) / item.size;
}

function updateState(row, item) {
  const { state, name } = item;
  row.element.dataset.state = state;
  row.bar.hidden = state !== "sending";
  row.retry.hidden = state !== "failed";
  row.remove.hidden = ENDED.has(state);
  row.remove.setAttribute("aria-label", `${isInProgress(item) ? "Cancel" : "Remove"} ${name}`);
}

function addLink(row, item) {
  row.hasLink = true;
  const anchor = Object.assign(document.createElement("a"), { href: item.photo, textContent: "View" });
  row.status.append(" ", anchor);
}
