"""The accepted formats by file extension, and the companion files, which accompany photos but are none.

This is the only list. The `accept` attributes, the file picker, the filter for folders (static/js/upload/ui/formats.js, which
`python -m processing.pipeline.formats.extensions` writes), the hints on pages and docs/pictures.md are derived from it;
tests/test_formats.py compares them. The decoder for a file is chosen by its content alone, see `detect`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "static/js/upload/ui/formats.js"


@dataclass(frozen=True, slots=True)
class Format:
    """A format, by the name that photographers use. `extensions` are lower-case extensions without the dot."""

    name: str
    extensions: tuple[str, ...]


def _format(name: str, endings: str) -> Format:
    return Format(name, tuple(endings.split()))


PICTURES = (
    _format("JPEG", "jpg jpeg jpe jfif mpo insp"),
    _format("HEIC", "heic heif hif"),
    _format("PNG", "png apng"),
    _format("WebP", "webp"),
    _format("AVIF", "avif"),
    _format("JPEG XL", "jxl"),
    _format("TIFF", "tif tiff"),
    _format("GIF", "gif"),
    _format("BMP", "bmp dib"),
)
LEADING = PICTURES[:2]
"""The pictures that cameras write beside a RAW, and that are shown for both: JPEG and HEIC."""
RAW = _format(
    "camera RAW",
    "dng cr2 cr3 crw nef nrw arw arq sr2 srf raf rw2 raw rwl orf ori pef srw x3f 3fr fff iiq gpr mos mef mrw erf kdc dcr "
    "k25 bay cap mdc",
)
SIDECARS = _format("sidecars", "xmp json")
"""Metadata about a photo, written by an editor (XMP) or by Google Takeout (JSON)."""
LIVE_VIDEOS = _format("Live Photo videos", "mov mp4 m4v mp")
"""Recorded together with the still of the same name. Google's phones and Takeout use `.MP`."""

EXTENSIONS = tuple(ending for kind in (*PICTURES, RAW, SIDECARS, LIVE_VIDEOS) for ending in kind.extensions)
ACCEPT = ",".join(("image/*", *(f".{ending}" for ending in EXTENSIONS)))
"""The value of `<input accept>`. The extensions are for systems that do not know the media types of RAW files and sidecars."""
NAMES = f"{', '.join(kind.name for kind in PICTURES)} and {RAW.name}"
"""The names for use in a sentence: `JPEG, HEIC, … and camera RAW`."""
SUMMARY = f"JPEG, HEIC, RAW and {len(PICTURES) - 2} more"

COMPANION_EXTENSIONS = frozenset(
    (
        "aae",  # edits of Apple's Photos
        *("thm", "lrv", "lrf"),  # thumbnails and previews of videos: Canon, GoPro, DJI, Insta360
        *("ctg", "ind", "bnp", "inp", "int"),  # indexes of cards: Canon, Sony
        *("bdm", "cpi", "mpl"),  # indexes of videos: AVCHD
        *("ini", "lnk", "url"),  # Windows, Picasa
    )
)
COMPANION_NAMES = frozenset(
    (
        *(".ds_store", ".localized", ".apdisk", ".volumeicon.icns", ".metadata_never_index", "icon\r"),  # macOS
        *(
            "thumbs.db",
            "thumbs.db:encryptable",
            "ehthumbs.db",
            "ehthumbs_vista.db",
            "indexervolumeguid",
            "wpsettings.dat",
        ),  # Windows
        *(".nomedia", ".database_uuid", ".directory"),  # Android, KDE
        *("zbthumbnail.info", "pspbrwse.jbf", "autprint.mrk", "leinfo.sav"),  # Canon, Paint Shop Pro, DPOF, GoPro
        *(
            "nc_fllst.dat",
            "nikon001.dsc",
            "database.bin",
            "mediapro.xml",
            "status.bin",
        ),  # indexes of cards: Nikon, Sony
        *(".bridgesort", ".bridgecache", ".bridgecachet", ".bridgelabelsandratings"),  # Adobe Bridge
        *(".dropbox", ".dropbox.attr"),
        # Google Takeout: files about a whole album or about the archive.
        *("metadata.json", "metadaten.json", "métadonnées.json", "metadatos.json", "metadati.json", "metadados.json"),
        *("metagegevens.json", "print-subscriptions.json", "shared_album_comments.json"),
        *("user-generated-memory-titles.json", "archive_browser.html"),
    )
)
COMPANION_FOLDERS = frozenset(
    (
        *(
            "__macosx",
            ".spotlight-v100",
            ".fseventsd",
            ".trashes",
            ".trash",
            ".temporaryitems",
            ".documentrevisions-v100",
        ),
        *("$recycle.bin", "recycler", "system volume information"),
        *("@eadir", "#recycle", ".synologyworkingdirectory"),  # Synology
        *("@recycle", ".@__thumb", ".@__qini"),  # QNAP
        *(".appledouble", "network trash folder", ".stversions", ".stfolder"),  # Netatalk, Syncthing
        *(".thumbnails", ".dtrash"),  # Android, digiKam
    )
)
"""Folders of a system: all files in them are thumbnails, indexes or deleted files."""
COMPANION_PREFIXES = ("._", ".thumbdata", ".trash-")
"""Prefixes of names and folders: AppleDouble files (macOS on foreign disks), Android's thumbnails, Linux's trash."""
NUMBERED_JSON = re.compile(r"\(\d+\)\.json$")
"""Takeout numbers the files of albums with the same name: `metadata(1).json`."""
COMPANION_STREAM = ":zone.identifier"
"""Windows' mark of a downloaded file, which becomes a file of its own when it is copied to another system."""


def is_companion(path: str) -> bool:
    """True if the name, or a folder in `path`, is that of a companion or system file."""
    *folders, name = re.split(r"[/\\]", path.casefold())
    is_companion_name = (
        name in COMPANION_NAMES
        or NUMBERED_JSON.sub(".json", name) in COMPANION_NAMES
        or name.startswith(COMPANION_PREFIXES)
        or name.endswith(COMPANION_STREAM)
    )
    return is_companion_name or extension(name) in COMPANION_EXTENSIONS or any(map(_is_companion_folder, folders))


def is_in_companion_folder(path: str) -> bool:
    return any(map(_is_companion_folder, re.split(r"[/\\]", path.casefold())[:-1]))


def _is_companion_folder(name: str) -> bool:
    return name in COMPANION_FOLDERS or name.startswith(COMPANION_PREFIXES)


def extension(name: str) -> str:
    """The lower-case extension: `jpg` for IMG_1.JPG, "" for a name without one, such as `.hidden`."""
    stem, _, suffix = name.casefold().rpartition(".")
    return suffix if stem else ""


def as_script() -> str:
    """The JavaScript module with these lists."""

    def constant(name: str, values: object) -> str:
        items = ", ".join(_quoted(value) for value in values)  # type: ignore[attr-defined]
        return f"export const {name} = [{items}];\n"

    return (
        "/* The accepted formats by their endings. "
        "`make formats` writes this; processing/pipeline/formats/extensions.py explains it. */\n"
        + constant("STILLS", [ending for kind in (*PICTURES, RAW) for ending in kind.extensions])
        + constant("LEADING", [ending for kind in LEADING for ending in kind.extensions])
        + constant("SIDECARS", SIDECARS.extensions)
        + constant("LIVE_VIDEOS", LIVE_VIDEOS.extensions)
        + constant("COMPANION_ENDINGS", sorted(COMPANION_EXTENSIONS))
        + constant("COMPANION_NAMES", sorted(COMPANION_NAMES))
        + constant("COMPANION_FOLDERS", sorted(COMPANION_FOLDERS))
        + constant("COMPANION_BEGINNINGS", COMPANION_PREFIXES)
        + f"export const COMPANION_STREAM = {_quoted(COMPANION_STREAM)};\n"
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\r", "\\r") + '"'


if __name__ == "__main__":
    sys.exit(0 if SCRIPT.write_text(as_script(), encoding="utf-8") else 1)
