/* The rows of the file list: one for each file in view, updated only when its file has changed. Of a long list only the rows near its visible
   part are in the document, all of one height; empty space is in place of the others. */
import { bytes, fileExtension, splitName } from "../../format.js";
import { ENDED, isInProgress } from "../state/file-store.js";
import { preview } from "./previews.js";
import { fileStatus } from "./texts.js";

const MAX_ROWS = 60;
const ROWS_ABOVE = 20;

export class FileRows {
  #list;
  #template;
  #items = new Map();
  #order = [];
  #rows = new Map();
  #followed = null;
  #height = 0;

  constructor(list, template) {
    this.#list = list;
    this.#template = template;
    list.addEventListener("scroll", () => this.#renderWindow(), { passive: true });
  }

  /** Renders changed items. */
  render(items) {
    const count = this.#items.size;
    let isShorter = false;
    for (const item of items) {
      if (item.isRemoved) isShorter = this.#items.delete(item.id) || isShorter;
      else this.#items.set(item.id, item);
    }
    if (isShorter || this.#items.size !== count) {
      this.#order = [...this.#items.values()];
      this.#renderWindow();
    }
    for (const item of items) if (this.#rows.has(item.id)) update(this.#rows.get(item.id), item);
  }

  /** Scrolls the list to the item, unless the pointer or the focus is in the list. */
  follow(item) {
    if (!item || item === this.#followed || this.#list.matches(":hover, :focus-within")) return;
    this.#followed = item;
    const row = this.#rows.get(item.id)?.element;
    if (this.#isLong) this.#list.scrollTop = (this.#order.indexOf(item) - 1) * this.#rowHeight;
    else if (row) this.#list.scrollTop = row.offsetTop - this.#list.offsetTop - row.offsetHeight;
  }

  /** The id of the item whose row contains the element. */
  idOf(element) {
    return Number(element.closest("[data-file]")?.dataset.file);
  }

  #renderWindow() {
    const first = this.#isLong ? this.#firstVisible : 0; // read before anything is changed, which would lay out the page twice
    if (this.#list.classList.contains("file-list--long") !== this.#isLong) {
      this.#list.classList.toggle("file-list--long", this.#isLong);
      this.#height = 0;
    }
    const shown = this.#order.slice(first, first + MAX_ROWS);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { element }] of this.#rows) {
      if (ids.has(id)) continue;
      if (element.contains(document.activeElement)) this.#list.focus({ preventScroll: true });
      element.remove();
      this.#rows.delete(id);
    }
    const hidden = this.#order.length - first - shown.length;
    this.#list.style.setProperty("--rows-above", first);
    this.#list.style.setProperty("--rows-below", hidden);
    let next = this.#list.firstElementChild;
    shown.forEach((item, index) => {
      const element = this.#rows.get(item.id)?.element ?? this.#create(item);
      element.ariaPosInSet = first + index + 1;
      element.ariaSetSize = this.#order.length;
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    });
  }

  get #isLong() {
    return this.#order.length > MAX_ROWS;
  }

  get #firstVisible() {
    const first = Math.floor(this.#list.scrollTop / this.#rowHeight) - ROWS_ABOVE;
    return Math.max(0, Math.min(first, this.#order.length - MAX_ROWS));
  }

  get #rowHeight() {
    this.#height ||= this.#list.querySelector(".file-row")?.offsetHeight;
    return this.#height || 1;
  }

  #create(item) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`.file-row__${name}`);
    const row = { element, status: part("status"), bar: part("bar"), retry: part("retry"), decide: part("decide"), remove: part("remove"), preview: part("preview") };
    element.dataset.file = item.id;
    const [head, tail] = splitName(item.name);
    part("name").title = item.path || item.name;
    part("head").textContent = head;
    part("tail").textContent = tail;
    part("size").textContent = bytes(item.size);
    row.preview.textContent = fileExtension(item.name);
    row.bar.setAttribute("aria-label", `${item.name} uploaded`);
    row.retry.setAttribute("aria-label", `Retry ${item.name}`);
    row.decide.setAttribute("aria-label", `Decide about ${item.name}`);
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
  const isDecided = item.state !== "held" || Boolean(item.choice);
  if (row.decide.hidden !== isDecided) row.decide.hidden = isDecided;
  if (row.statusText !== status) row.status.textContent = row.status.title = row.statusText = status;
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
