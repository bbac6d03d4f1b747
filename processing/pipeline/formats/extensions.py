"""The accepted formats by the endings of their names, and the files that come along with photos but hold none.

This is the only list. The `accept` attributes, the file picker, the filter for folders (static/js/upload/ui/formats.js, which
`python -m processing.pipeline.formats.extensions` writes), the hints on pages and docs/pictures.md follow it;
tests/test_formats.py compares them. Which decoder a file gets is decided by its bytes alone, see `detect`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "static/js/upload/ui/formats.js"


@dataclass(frozen=True, slots=True)
class Format:
    """`name` as photographers say it; `endings` in small letters and without the dot."""

    name: str
    endings: tuple[str, ...]


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
RAW = _format(
    "camera RAW",
    "dng cr2 cr3 crw nef nrw arw arq sr2 srf raf rw2 raw rwl orf ori pef srw x3f 3fr fff iiq gpr mos mef mrw erf kdc dcr "
    "k25 bay cap mdc",
)
SIDECARS = _format("sidecars", "xmp json")
"""What an editor (XMP) or Google Takeout (JSON) says of the photo beside it."""
LIVE_VIDEOS = _format("Live Photo videos", "mov mp4 m4v mp")
"""Taken together with the still of the same name. Google's phones and Takeout call theirs `.MP`."""

STILL_ENDINGS = frozenset(ending for each in (*PICTURES, RAW) for ending in each.endings)
ENDINGS = tuple(ending for each in (*PICTURES, RAW, SIDECARS, LIVE_VIDEOS) for ending in each.endings)
ACCEPT = ",".join(("image/*", *(f".{ending}" for ending in ENDINGS)))
"""For `<input accept>`. Systems that do not know the type of a RAW file or a sidecar go by its ending."""
NAMES = f"{', '.join(each.name for each in PICTURES)} and {RAW.name}"
"""In a sentence: `JPEG, HEIC, … and camera RAW`."""

COMPANION_ENDINGS = frozenset(
    (
        "aae",  # edits of Apple's Photos
        *("thm", "lrv", "lrf"),  # thumbnails and previews of videos: Canon, GoPro, DJI, Insta360
        *("ctg", "ind", "bnp", "inp", "int"),  # indexes of cards: Canon, Sony
        *("ini", "lnk", "url"),  # Windows, Picasa
    )
)
COMPANION_NAMES = frozenset(
    (
        *(".ds_store", ".localized", ".apdisk", ".volumeicon.icns", ".metadata_never_index", "icon\r"),  # macOS
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "indexervolumeguid", "wpsettings.dat"),  # Windows
        *(".nomedia", ".database_uuid", ".directory"),  # Android, KDE
        *("zbthumbnail.info", "pspbrwse.jbf", "autprint.mrk", "leinfo.sav"),  # Canon, Paint Shop Pro, DPOF, GoPro
        # Google Takeout's, of a whole album, and of the archive.
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
        *("@eadir", "#recycle", "@recycle", ".@__thumb"),  # Synology, QNAP
        *(".thumbnails", ".dtrash"),  # Android, digiKam
    )
)
"""What lies in one of these is a system's: thumbnails, indexes, or what a person has deleted."""
COMPANION_BEGINNINGS = ("._", ".thumbdata", ".trash-")
"""Of a name or a folder's: AppleDouble files, which macOS writes on disks of others; Android's thumbnails; Linux's trash."""
COMPANION_STREAM = ":zone.identifier"
"""What Windows notes of a download, as a file of its own where it was copied to another system."""


def is_companion(path: str) -> bool:
    """Does a file of this name belong to photos without being one, or to a system? By its name, and the folders in `path`."""
    *folders, name = re.split(r"[/\\]", path.casefold())
    is_named_so = name in COMPANION_NAMES or name.startswith(COMPANION_BEGINNINGS) or name.endswith(COMPANION_STREAM)
    return is_named_so or ending(name) in COMPANION_ENDINGS or any(map(_is_companion_folder, folders))


def is_in_companion_folder(path: str) -> bool:
    return any(map(_is_companion_folder, re.split(r"[/\\]", path.casefold())[:-1]))


def _is_companion_folder(name: str) -> bool:
    return name in COMPANION_FOLDERS or name.startswith(COMPANION_BEGINNINGS)


def ending(name: str) -> str:
    """`jpg` of IMG_1.JPG; empty where there is none, as in `.hidden`."""
    stem, _, last = name.casefold().rpartition(".")
    return last if stem else ""


def as_script() -> str:
    """The JavaScript module with the same list."""

    def words(name: str, values: object) -> str:
        listed = ", ".join(_quoted(value) for value in values)  # type: ignore[attr-defined]
        return f"export const {name} = [{listed}];\n"

    return (
        "/* The accepted formats by their endings. "
        "`make formats` writes this; processing/pipeline/formats/extensions.py explains it. */\n"
        + words("STILLS", [ending for each in (*PICTURES, RAW) for ending in each.endings])
        + words("SIDECARS", SIDECARS.endings)
        + words("LIVE_VIDEOS", LIVE_VIDEOS.endings)
        + words("COMPANION_ENDINGS", sorted(COMPANION_ENDINGS))
        + words("COMPANION_NAMES", sorted(COMPANION_NAMES))
        + words("COMPANION_FOLDERS", sorted(COMPANION_FOLDERS))
        + words("COMPANION_BEGINNINGS", COMPANION_BEGINNINGS)
        + f"export const COMPANION_STREAM = {_quoted(COMPANION_STREAM)};\n"
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\r", "\\r") + '"'


if __name__ == "__main__":
    sys.exit(0 if SCRIPT.write_text(as_script(), encoding="utf-8") else 1)
