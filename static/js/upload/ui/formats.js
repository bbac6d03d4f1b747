/* The accepted formats by their endings. `make formats` writes this; processing/pipeline/formats/extensions.py explains it. */
export const STILLS = ["jpg", "jpeg", "jpe", "jfif", "mpo", "insp", "heic", "heif", "hif", "png", "apng", "webp", "avif", "jxl", "tif", "tiff", "gif", "bmp", "dib", "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "arq", "sr2", "srf", "raf", "rw2", "raw", "rwl", "orf", "ori", "pef", "srw", "x3f", "3fr", "fff", "iiq", "gpr", "mos", "mef", "mrw", "erf", "kdc", "dcr", "k25", "bay", "cap", "mdc"];
export const SIDECARS = ["xmp", "json"];
export const LIVE_VIDEOS = ["mov", "mp4", "m4v", "mp"];
export const COMPANION_ENDINGS = ["aae", "bnp", "ctg", "ind", "ini", "inp", "int", "lnk", "lrf", "lrv", "thm", "url"];
export const COMPANION_NAMES = [".apdisk", ".database_uuid", ".directory", ".ds_store", ".localized", ".metadata_never_index", ".nomedia", ".volumeicon.icns", "archive_browser.html", "autprint.mrk", "ehthumbs.db", "ehthumbs_vista.db", "icon\r", "indexervolumeguid", "leinfo.sav", "metadados.json", "metadata.json", "metadaten.json", "metadati.json", "metadatos.json", "metagegevens.json", "métadonnées.json", "print-subscriptions.json", "pspbrwse.jbf", "shared_album_comments.json", "thumbs.db", "user-generated-memory-titles.json", "wpsettings.dat", "zbthumbnail.info"];
export const COMPANION_FOLDERS = ["#recycle", "$recycle.bin", ".@__thumb", ".documentrevisions-v100", ".dtrash", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".thumbnails", ".trash", ".trashes", "@eadir", "@recycle", "__macosx", "recycler", "system volume information"];
export const COMPANION_BEGINNINGS = ["._", ".thumbdata", ".trash-"];
export const COMPANION_STREAM = ":zone.identifier";
