/* The ways to add photos on every page: links with data-upload ("files" or "folder") open the browser's dialog, and files can be dropped on the
   page of an album and on elements with data-drop-target: an album's id, or "new" for an album of their own. */
import { DropZone } from "../upload/ui/drop-zone.js";
import { createAlbum, folderOf, titleOf } from "../upload/ui/folders.js";
import { albumOf, goTo } from "../upload/ui/navigation.js";

const NEW_ALBUM_URL = "/albums/new/";

document.addEventListener("click", (event) => {
  const kind = event.target.closest("[data-upload]")?.dataset.upload;
  if (!kind || !tray()) return; // without the tray, the link leads to the form
  event.preventDefault();
  tray().choose(kind, albumOf(location));
});

document.addEventListener("files-chosen", ({ detail: { entries, album } }) => addTo(album, entries));

new DropZone({ targetOf, onFiles: (entries, { album }) => addTo(album, entries) });

/** The album that files dropped on the element are added to: that of the element, or else of the page. */
function targetOf(element) {
  const marked = element.closest?.("[data-drop-target]");
  if (marked?.dataset.dropTarget === "new") return { album: "new", text: "Drop to create an album" };
  if (marked) return { album: marked.dataset.dropTarget, element: marked, text: "Drop to add to this album" };
  const album = albumOf(location);
  return album && tray() && { album, text: tray().isBusy ? "Drop to upload next" : "Drop to add to this album" };
}

/** Uploads the entries in the tray of this page while it uploads others, or else in that of the album's own page. */
async function addTo(target, entries) {
  if (!entries.length) return;
  const album = target === "new" ? await createAlbum(NEW_ALBUM_URL, titleFor(entries)) : target;
  if (!album) return;
  if (tray()?.album !== album && !tray()?.hasUnsent) await goTo(`/albums/${album}/`);
  tray()?.addFiles(entries, album);
}

function titleFor([{ path }]) {
  const folder = folderOf({ path });
  return folder ? titleOf(folder.split("/")[0]) : new Date().toLocaleDateString("en-GB", { dateStyle: "long" });
}

function tray() {
  return document.querySelector("upload-desk");
}
