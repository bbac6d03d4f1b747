/* What the desk shows besides the rows: what was chosen, how far it is, why nothing moves, and what can be done. It reads, and decides
   nothing. */
import { plural } from "../../format.js";
import { ENDED } from "../state/file-store.js";
import { byFolder, titleOf } from "./folders.js";
import { comparison, detail, title, trouble } from "./texts.js";

export class DeskView {
  #desk;
  #said = new Map();

  constructor(desk) {
    this.#desk = desk;
  }

  part(name) {
    return this.#desk.querySelector(`[data-${name}]`);
  }

  /** `now`: items, sum, sender, line, isBusy, maxFiles, rate, secondsLeft, notes, skipped (notes, too), left (unchecked), again. */
  show(now) {
    const { sum, sender, items } = now;
    const { isPaused } = sender.queue;
    const isSending = sum.toCome > 0;
    const isResting = !isSending && !sum.count("chosen", "later");
    const isEmpty = !items.length;
    this.#hide("batch", isEmpty && !now.skipped.length);
    this.#say("title", isEmpty ? "No photos to send" : title(sum, { isPaused, isResting }));
    this.#say("detail", [detail(sum, isPaused ? null : now.rate, now.secondsLeft), checks(now)].filter(Boolean).join(" · "));
    this.#hide("pause", !isSending || isPaused);
    this.#hide("go-on", !isSending || !isPaused);
    this.#hide("retry", !sum.count("failed"));
    this.#hide("cancel", !isSending);
    this.#next(now);
    this.#say("hold", sender.isHeldBack ? "Send them when it is done" : "Hold them back");
    this.#hide("forget", isSending || !(sum.count("chosen", "later", "failed") || (isEmpty && now.skipped.length)));
    this.#hide("send", !sum.count("chosen") || isSending);
    this.#say("send", `Send ${plural(sum.count("chosen"), "photo")}`);
    this.#folders(items.filter(({ state }) => state === "chosen"), isSending);
    this.#notes(now);
    this.#line(now, isSending);
    this.#again(now);
    this.#say("invitation", now.isBusy || isSending ? "Prepare the next batch" : "Add photos");
    if (now.isGone) this.#leave(items);
    this.#desk.dataset.phase = isSending ? "sending" : items.length ? "chosen" : "idle";
    this.#arrange(now.isBusy || isSending);
  }

  /** What is going on comes first; while nothing is, the invitation. In the document too, so that Tab goes as the eye does. */
  #arrange(isBusy) {
    const invitation = this.#desk.querySelector(".dropzone");
    if (invitation.contains(document.activeElement) || (this.#desk.firstElementChild !== invitation) === isBusy) return;
    if (isBusy) this.#desk.append(invitation);
    else this.#desk.prepend(invitation);
  }

  /** What had arrived was the album's; only what had not is still listed, for a person to know. */
  #leave(items) {
    const unsent = items.filter(({ state }) => !ENDED.has(state)).length;
    this.#hide("batch", !unsent);
    this.#say("invitation", "This album was deleted");
    this.#say("title", `${plural(unsent, "file")} not uploaded`);
    this.#say("detail", "");
    for (const name of ["pause", "go-on", "retry", "cancel", "next", "forget", "send", "again", "line"]) this.#hide(name, true);
    this.#hide("hint", true);
    this.#desk.querySelector(".dropzone__choose").hidden = true;
    this.#desk.hidden = !unsent;
  }

  #folders(chosen, isSending) {
    const folders = [...byFolder(chosen).keys()].filter(Boolean);
    this.#hide("folders", isSending || !folders.length);
    this.#say("titles", folders.length ? `: ${list(folders.map((folder) => titleOf(folder)))}` : "");
  }

  #next({ items, sum, sender, left }) {
    const later = sum.count("later");
    const found = comparison(items.filter(({ state }) => state === "later"), Math.min(left, later));
    const waiting = `${plural(later, "photo")}${found ? ` (${found})` : ""}`;
    const waits = sender.isHeldBack
      ? `${waiting} held back. ${later === 1 ? "It" : "They"} can be sent when this batch is done.`
      : `${waiting} ${later === 1 ? "goes" : "go"} with the next batch, by ${later === 1 ? "itself" : "themselves"}, when this one is done. Keep this page open.`;
    this.#hide("next", !later);
    this.#say("next-words", later ? waits : "");
  }

  #notes({ sum, sender, maxFiles, notes, skipped }) {
    const over = sum.count("chosen") - maxFiles;
    const words = [
      over > 0 && `One batch takes ${plural(maxFiles, "photo")}. The last ${over} ${over === 1 ? "goes by itself" : "go by themselves"} with the next.`,
      sender.waitsForTab && "Another tab sends photos to this album. This one goes on when it is done.",
      ...notes,
      ...skipped,
    ].filter(Boolean);
    const key = JSON.stringify(words.map((word) => word.textContent ?? word));
    if (this.#said.get("notes") === key) return;
    this.#said.set("notes", key);
    this.part("notes").replaceChildren(...words.map(note));
  }

  #line({ line, sum }, isSending) {
    const words = isSending && !line.isOpen ? trouble(line.state, line.words) : "";
    this.#hide("line", !words);
    this.#say("line-words", words);
    this.#hide("sign-in", line.state !== "signed-out");
    this.#hide("hurry", !["away", "offline"].includes(line.state));
    this.#desk.dataset.failed = sum.count("failed") ? "yes" : "";
  }

  #again({ again, sum }) {
    this.#hide("again", !again);
    if (!again) return;
    this.#say("again-words", again.words);
    this.#hide("resume", !again.canResume);
    this.#hide("choose-again", again.canResume || again.isElsewhere);
    this.#hide("give-up", !sum.count("missing"));
  }

  #hide(name, hidden) {
    const part = this.part(name);
    if (part.hidden !== hidden) part.hidden = hidden;
  }

  /** Only what is new is written: a live region would speak again, and a selection would be lost. */
  #say(name, words) {
    if (this.#said.get(name) === words) return;
    this.#said.set(name, words);
    this.part(name).textContent = words;
  }
}

/** A note that names albums, with links to them. */
export function links(words, albums) {
  const span = document.createElement("span");
  span.append(words);
  albums.forEach(({ href, title }, number) => {
    span.append(number ? ", " : " ", Object.assign(document.createElement("a"), { href, textContent: title }));
  });
  return span;
}

function checks({ items, left, sum }) {
  if (sum.toCome) return "";
  const chosen = items.filter(({ state }) => state === "chosen");
  const isNews = chosen.some(({ standing }) => standing && standing !== "new");
  return isNews || (left && chosen.length > 50) ? comparison(chosen, left) : "";
}

function note(words) {
  const item = Object.assign(document.createElement("li"), { className: "notice" });
  item.append(words);
  return item;
}

function list(names, most = 3) {
  return names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ");
}

