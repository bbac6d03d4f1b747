/* Adds chosen, dropped or pasted files to the list. They are uploaded at once, or after the batch in progress; folders first ask for their
   album. */
import { fingerprint } from "../state/file-store.js";
import { isUnsent } from "../state/persistence.js";
import * as filePicker from "../ui/file-picker.js";
import { folderOf } from "../ui/folders.js";
import { skippedNotes } from "../ui/texts.js";

export class AddFiles {
  #session;
  #panel;
  #tray;
  #start;

  /** `start(items)` uploads the items now. */
  constructor({ session, panel, tray, start }) {
    this.#session = session;
    this.#panel = panel;
    this.#tray = tray;
    this.#start = start;
  }

  /** Adds the entries (of file-picker.js) for the album with this id. */
  async add(entries, album) {
    const session = this.#session;
    if (!entries.length || session.isGone) return;
    const { accepted, companions, unsupported } = filePicker.sortChosenFiles(entries);
    session.sender.skipped.add([
      ...companions.map((entry) => skippedFile(entry, true)),
      ...unsupported.map((entry) => skippedFile(entry, false)),
    ]);
    session.skippedNotes = skippedNotes({ companions, unsupported });
    session.notes = [];
    await session.resume.ready;
    const items = this.#list(await session.resume.rejoin(accepted), album);
    const mustWait = this.#panel.isBusy || session.isSending;
    const single = items.filter((item) => !folderOf(item));
    if (session.fileStore.in("chosen").some(folderOf)) this.#tray.expand(); // it asks for the album
    if (mustWait) this.#queue(single.filter((item) => !item.album));
    this.#start(single.filter(({ state }) => state === "chosen"));
    session.sender.keep(items.filter(isUnsent));
  }

  /** Lists the files that are not listed yet. */
  #list(files, album) {
    const { fileStore, sender } = this.#session;
    const listedFiles = new Set(fileStore.items.filter(({ state }) => state !== "cancelled").map(fingerprint));
    const newFiles = files.filter((file) => !listedFiles.has(fingerprint(file)) && listedFiles.add(fingerprint(file)));
    return fileStore.add(newFiles.map((file) => ({ ...file, album: album === sender.page ? null : album })));
  }

  #queue(items) {
    this.#session.fileStore.setAll(items, { state: "later", album: this.#session.sender.page });
    this.#session.preflight.schedule();
  }
}

/** A file of a sent folder that is not sent itself, as SkippedFiles.add() takes it. */
function skippedFile({ path, file }, isCompanion) {
  return { path, size: file.size, modified: file.lastModified, album: null, isSkipped: true, isCompanion };
}
