/* The list of chosen files in the form: a row each, made once and kept, since the form around it is replaced. */
import { total } from "./choice.js";
import { bytes, ending, plural, split } from "./format.js";
import { preview } from "./previews.js";

const LISTED = 1000;
const rows = new WeakMap();

/** Show what is chosen in the form. */
export function show(form, chosen, { ready, later, tooLarge }, limits) {
  const part = (name) => form.querySelector(`[data-${name}]`);
  part("chosen").hidden = !chosen.length;
  part("send").toggleAttribute("data-ready", ready.length > 0);
  part("submit").textContent = `Send ${plural(ready.length, "photo")}`;
  part("summary").textContent = `${plural(chosen.length, "photo")} chosen, ${bytes(total(chosen))}`;
  part("notes").replaceChildren(...notes(later, tooLarge, limits));
  part("list").replaceChildren(...chosen.slice(0, LISTED).map((file) => row(file, later, tooLarge)));
  part("unlisted").hidden = chosen.length <= LISTED;
  part("unlisted").textContent = `and ${chosen.length - LISTED} more`;
}

/** The file whose row holds the button. */
export function fileOf(button) {
  return button.closest(".choice")?.file;
}

function notes(later, tooLarge, { maxFiles, maxBytes }) {
  const words = [
    later.length && `One batch takes ${plural(maxFiles, "photo")}. The last ${later.length} stay here for the next one.`,
    tooLarge.length && `${plural(tooLarge.length, "file")} larger than ${bytes(maxBytes)} will not be sent.`,
  ];
  return words.filter(Boolean).map((text) => {
    const note = element("li", "notice notice--warn");
    note.textContent = text;
    return note;
  });
}

function row(file, later, tooLarge) {
  if (!rows.has(file)) rows.set(file, make(file));
  const item = rows.get(file);
  const held = tooLarge.includes(file) ? "too large to send" : later.includes(file) ? "next batch" : "";
  item.classList.toggle("choice--held", Boolean(held));
  item.querySelector(".choice__size").textContent = [bytes(file.size), held].filter(Boolean).join(", ");
  return item;
}

function make(file) {
  const item = element("li", "choice");
  const [box, name, size] = [element("span", "choice__preview"), element("span", "choice__name"), element("span", "choice__size")];
  const [head, tail] = split(file.name);
  name.title = file.name;
  name.append(text("choice__head", head), text("choice__tail", tail));
  const drop = text("choice__drop", "×", "button");
  drop.type = "button";
  drop.setAttribute("aria-label", `Remove ${file.name}`);
  box.textContent = ending(file.name);
  item.append(box, name, size, drop);
  item.file = file;
  preview(file, box);
  return item;
}

function element(tag, className) {
  return Object.assign(document.createElement(tag), { className });
}

function text(className, words, tag = "span") {
  return Object.assign(element(tag, className), { textContent: words });
}
