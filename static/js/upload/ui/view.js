/* Renders the uploader apart from the file rows: what was chosen, how far it is, why nothing is being sent, and the possible actions. It only
   reads state and makes no decisions. */
import { plural } from "../../format.js";
import { questions } from "../state/decisions.js";
import { ENDED } from "../state/file-store.js";
import { byFolder, titleOf } from "./folders.js";
import { COMPLETE, connectionProblem, outcomeCounts, preflightCounts, progressDetail, title } from "./texts.js";

const MAX_LISTED_TITLES = 3;

export class UploaderView {
  #tray;
  #texts = new Map();

  /** `tray` contains the uploader and its heading. */
  constructor(tray) {
    this.#tray = tray;
  }

  /** The element of the uploader or its heading with the attribute data-<name>. */
  part(name) {
    return this.#tray.querySelector(`:is([data-uploader], .tray__head) [data-${name}]`);
  }

  /** The uploader's data attributes. */
  get data() {
    return this.#uploader.dataset;
  }

  /** What the uploader does, as of the last render: "sending", "sent" (all files have ended), "chosen" (some wait) or "idle". */
  get phase() {
    return this.data.phase;
  }

  get #uploader() {
    return this.#tray.querySelector("[data-uploader]");
  }

  /** `state`: items, sum (their totals), sender, connection, panel (its data), isGone, isInTrash,
      isElsewhere (whether the page is not that of the album), canUndo, maxFiles, rate, secondsLeft, notes, skippedNotes,
      unchecked (number of files not hashed yet) and resumeNotice. */
  render(state) {
    const { sum, sender, items } = state;
    const { isPaused } = sender.queue;
    const isSending = sum.inProgress > 0;
    const isIdle = !isSending && !sum.count("chosen", "later", "held");
    const isEmpty = !items.length;
    this.#setHidden("elsewhere", !state.isElsewhere);
    this.#setHidden("batch", isEmpty && !state.skippedNotes.length);
    const heading = isEmpty ? panelTitle(state) : title(sum, { isPaused, isIdle });
    this.#setText("title", heading);
    const progress = heading === COMPLETE ? outcomeCounts(sum) : progressDetail(sum, isPaused ? null : state.rate, state.secondsLeft);
    this.#setText("detail", [progress, preflightDetail(state)].filter(Boolean).join(" · "));
    this.#setHidden("pause", !isSending || isPaused);
    this.#setHidden("continue", !isSending || !isPaused);
    this.#setHidden("retry", !sum.count("failed"));
    this.#setHidden("undo", !state.canUndo);
    this.#setHidden("cancel", !(isSending || sum.count("held")) || state.canUndo);
    this.#renderQuestions(items);
    this.#renderNextBatch(state);
    this.#setText("hold", sender.isHeldBack ? "Start automatically" : "Don’t start automatically");
    const isClearable = sum.count("chosen", "later", "failed") || (isEmpty && state.skippedNotes.length);
    this.#setHidden("clear", isSending || !isClearable);
    this.#setHidden("send", !sum.count("chosen"));
    this.#setText("send", sendLabel(items));
    this.#renderFolders(items.filter(({ state: itemState }) => itemState === "chosen"));
    this.#renderNotes(state);
    this.#renderConnection(state, isSending);
    this.#renderResumeNotice(state);
    if (state.isGone) this.#renderGone(state);
    const isWaiting = !isIdle || sum.ended < sum.files;
    this.data.phase = isSending ? "sending" : isEmpty ? "idle" : isWaiting ? "chosen" : "sent";
  }

  /** After the album was deleted: only the files that had not arrived are still listed. */
  #renderGone({ items, isInTrash }) {
    const unsent = items.filter(({ state }) => !ENDED.has(state)).length;
    const title = isInTrash ? "This album is in the trash" : "This album was deleted";
    this.#setHidden("batch", !unsent);
    this.#setText("title", unsent ? `${plural(unsent, "file")} not uploaded` : title);
    this.#setText("detail", "");
    const actions = ["pause", "continue", "retry", "undo", "cancel", "next", "clear", "send", "resume-notice", "connection", "ask-elsewhere", "ask-trash"];
    for (const name of actions) this.#setHidden(name, true);
    this.#uploader.hidden = !unsent;
  }

  #renderQuestions(items) {
    for (const [name, text] of Object.entries(questions(items))) {
      this.#setHidden(`ask-${name}`, !text);
      this.#setText(`ask-${name}-text`, text);
    }
  }

  #renderFolders(chosen) {
    const folders = [...byFolder(chosen).keys()].filter(Boolean);
    this.#setHidden("folders", !folders.length);
    this.#setText("titles", folders.length ? `: ${listed(folders.map((folder) => titleOf(folder)))}` : "");
  }

  #renderNextBatch({ items, sum, sender, unchecked }) {
    const count = sum.count("later");
    const counts = preflightCounts(items.filter(({ state }) => state === "later"), Math.min(unchecked, count));
    const photos = `${plural(count, "photo")}${counts ? ` (${counts})` : ""}`;
    const pronoun = count === 1 ? "It" : "They";
    const next = sender.isHeldBack ? `${pronoun} won’t upload automatically.` : `${pronoun} upload${count === 1 ? "s" : ""} automatically next. Keep this tab open.`;
    this.#setHidden("next", !count);
    this.#setText("next-text", count ? `${photos} queued. ${next}` : "");
  }

  #renderNotes({ sum, sender, maxFiles, notes, skippedNotes }) {
    const batchCount = Math.ceil(sum.count("chosen", "later", "pending", "waiting", "sending") / maxFiles);
    const allNotes = [
      batchCount > 1 && `Uploads in ${batchCount} batches of up to ${maxFiles}.`,
      sender.waitsForTab && "Another tab is uploading to this album. This upload starts next.",
      ...notes,
      ...skippedNotes,
    ].filter(Boolean);
    const key = JSON.stringify(allNotes.map((note) => note.textContent ?? note));
    if (this.#texts.get("notes") === key) return;
    this.#texts.set("notes", key);
    this.part("notes").replaceChildren(...allNotes.map(noteItem));
  }

  #renderConnection({ connection, sum }, isSending) {
    const text = isSending && !connection.isOpen ? connectionProblem(connection.state, connection.message) : "";
    this.#setHidden("connection", !text);
    this.#setText("connection-text", text);
    this.#setHidden("sign-in", connection.state !== "signed-out");
    this.#setHidden("check-now", !["unreachable", "offline"].includes(connection.state));
  }

  #renderResumeNotice({ resumeNotice, sum }) {
    this.#setHidden("resume-notice", !resumeNotice);
    if (!resumeNotice) return;
    this.#setText("resume-text", resumeNotice.message);
    this.#setHidden("resume", !resumeNotice.canResume);
    this.#setHidden("choose-again", resumeNotice.canResume || resumeNotice.isElsewhere);
    this.#setText("choose-again", resumeNotice.isUnsent ? "Select again" : "Select files to resume");
    this.part("choose-again").dataset.action = resumeNotice.isFolder ? "folder" : "files";
    this.#setHidden("discard", !sum.count("missing"));
  }

  #setHidden(name, hidden) {
    const part = this.part(name);
    if (part.hidden !== hidden) part.hidden = hidden;
  }

  /** Writes only a changed text: otherwise a live region would announce it again, and a selection would be lost. */
  #setText(name, text) {
    if (this.#texts.get(name) === text) return;
    this.#texts.set(name, text);
    this.part(name).textContent = text;
  }
}

/** A note with links to albums. */
export function noteWithLinks(text, albums) {
  const span = document.createElement("span");
  span.append(text);
  albums.forEach(({ href, title }, index) => {
    span.append(index ? ", " : " ", Object.assign(document.createElement("a"), { href, textContent: title }));
  });
  return span;
}

/** What the button does with the chosen files: the album skips those that it has. */
function sendLabel(items) {
  const chosen = items.filter(({ state }) => state === "chosen");
  const duplicates = chosen.filter(({ serverState }) => serverState === "here" || serverState === "twice").length;
  if (!duplicates) return `Upload ${plural(chosen.length, "photo")}`;
  return duplicates < chosen.length ? `Upload ${plural(chosen.length - duplicates, "new photo")}` : `Skip ${plural(duplicates, "photo")} already in album`;
}

/** The tray's title while this page has no files: what the panel shows. */
function panelTitle({ panel: { busy, total, done }, skippedNotes }) {
  if (skippedNotes.length) return "No photos to upload";
  return busy ? `Processing ${done} of ${plural(Number(total), "photo")}` : "Uploads";
}

function preflightDetail({ items, unchecked, sum }) {
  if (sum.inProgress) return "";
  const chosen = items.filter(({ state }) => state === "chosen");
  const isNotable = chosen.some(({ serverState }) => serverState && serverState !== "new");
  return isNotable || (unchecked && chosen.length > 50) ? preflightCounts(chosen, unchecked) : "";
}

function noteItem(note) {
  const item = Object.assign(document.createElement("li"), { className: "notice" });
  item.append(note);
  return item;
}

function listed(names) {
  if (names.length <= MAX_LISTED_TITLES) return names.join(", ");
  return `${names.slice(0, MAX_LISTED_TITLES).join(", ")} and ${names.length - MAX_LISTED_TITLES} more`;
}
