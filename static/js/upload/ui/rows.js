/* The rows of the list: one a file, made once, and touched again only where its file changed. Thousands are made a few at a time, so
   that the page stays at hand meanwhile; those out of sight are laid out by nobody (content-visibility). */
import { bytes, ending, split } from "../../format.js";
import { preview } from "./previews.js";
import { ENDED } from "../state/file-store.js";
import { stage } from "./texts.js";

const AT_ONCE = 200;
const LIVE = new Set(["waiting", "pending", "sending"]);

export class Rows {
  #list;
  #template;
  #rows = new Map();
  #todo = new Set();
  #followed = null;

  constructor(list, template) {
    this.#list = list;
    this.#template = template;
  }

  /** Show what changed. True while more is left to be shown, for the next frame. */
  show(changes) {
    for (const item of changes) this.#todo.add(item);
    let number = 0;
    const made = document.createDocumentFragment();
    for (const item of this.#todo) {
      if (++number > AT_ONCE) break;
      this.#todo.delete(item);
      this.#show(item, made);
    }
    if (made.childNodes.length) this.#list.append(made);
    return this.#todo.size > 0;
  }

  /** Keep what is at work in sight, unless somebody is looking at something else in the list. */
  follow(item) {
    const row = item && this.#rows.get(item.id)?.element;
    if (!row || row === this.#followed || this.#list.matches(":hover, :focus-within")) return;
    this.#followed = row;
    this.#list.scrollTop = row.offsetTop - this.#list.offsetTop - row.offsetHeight;
  }

  /** The id of the file whose row holds the element. */
  idOf(element) {
    return Number(element.closest("[data-file]")?.dataset.file);
  }

  #show(item, made) {
    const row = this.#rows.get(item.id);
    if (item.isRemoved) {
      row?.element.remove();
      this.#rows.delete(item.id);
    } else if (row) update(row, item);
    else made.append(this.#make(item));
  }

  #make(item) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`.pick__${name}`);
    const row = { element, stage: part("stage"), bar: part("bar"), retry: part("retry"), drop: part("drop"), preview: part("preview") };
    element.dataset.file = item.id;
    const [head, tail] = split(item.name);
    part("name").title = item.path || item.name;
    part("head").textContent = head;
    part("tail").textContent = tail;
    part("size").textContent = bytes(item.size);
    row.preview.textContent = ending(item.name);
    row.bar.setAttribute("aria-label", `${item.name} sent`);
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
  if (row.element.dataset.state !== item.state) restate(row, item);
  const words = stage(item);
  if (row.words !== words) row.stage.textContent = row.words = words;
  if (item.photo && !row.isLinked) link(row, item);
  if (item.state === "sending" && item.size) row.bar.value = (100 * Math.min(item.size, item.offset + item.inFlight)) / item.size;
}

function restate(row, item) {
  const { state, name } = item;
  row.element.dataset.state = state;
  row.bar.hidden = state !== "sending";
  row.retry.hidden = state !== "failed";
  row.drop.hidden = ENDED.has(state);
  row.drop.setAttribute("aria-label", `${LIVE.has(state) ? "Cancel" : "Remove"} ${name}`);
}

function link(row, item) {
  row.isLinked = true;
  const anchor = Object.assign(document.createElement("a"), { href: item.photo, textContent: "See it" });
  row.stage.append(" ", anchor);
}
