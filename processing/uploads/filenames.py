"""Sanitises file names for display. A name from a client is shown, escaped, and never used as a path."""

import re

from processing.pipeline import characters

MAX_LENGTH = 200
MAX_FOLDER_LENGTH = 500
UNNAMED = "unnamed"

PERCENT_ESCAPES = re.compile("%(?:22|0A|0D)", re.IGNORECASE)


HIDDEN_PARTS = "Renamed: the original name contains characters that cannot be displayed."
TOO_LONG = f"Renamed: the original name is longer than {MAX_LENGTH} characters."


def displayed(name: str) -> str:
    """Returns the last part of the name in one line, without invisible characters. A long stem is cut, the extension is kept."""
    printable = _printable(_basename(name)).strip()
    if not printable.strip(characters.JOINERS):
        return UNNAMED
    return _shorten(printable)


def was_changed_note(name: str) -> str:
    """Returns why the name is shown differently than it was sent, "" if it looks the same. Folders are ignored.

    Decomposed accents, as sent by Macs, look the same.
    """
    basename = _basename(name)
    if _printable(basename) != basename or not basename.strip():
        return HIDDEN_PARTS
    return TOO_LONG if len(basename.strip()) > MAX_LENGTH else ""


def unescape_form_name(name: str) -> str:
    """Returns a name from a multipart form with the browser's escapes of quotes and line breaks undone (WHATWG HTML, 4.10.21.8).

    Browsers do not escape the percent sign, so a file that is really named `%22` gets a quote.
    """
    return PERCENT_ESCAPES.sub(lambda match: chr(int(match[0][1:], 16)), name)


def folder(name: str) -> str:
    """Returns the folders before the last part of the name, separated by `/` and cut at the start if too long; "" if none.

    Used only for grouping files: never as a path, and not shown.
    """
    folders = re.split(r"[/\\]", characters.to_nfc(_decode_surrogates(name)))[:-1]
    names = [_printable(part).strip() for part in folders]
    return "/".join(part for part in names if part not in ("", "."))[-MAX_FOLDER_LENGTH:]


def _basename(name: str) -> str:
    """Returns the name without folders, in composed form (NFC)."""
    return characters.to_nfc(re.split(r"[/\\]", _decode_surrogates(name))[-1])


def _printable(name: str) -> str:
    return "".join(char for char in characters.visible(name) if char not in characters.MARKS)


def _decode_surrogates(name: str) -> str:
    """Decodes a name on disk that is not UTF-8, whose bytes Python represents as lone surrogates (PEP 383)."""
    if not any("\udc80" <= char <= "\udcff" for char in name):
        return name
    from processing.pipeline.metadata import text  # imported here because it loads Pillow

    try:
        return text.decode(name.encode("utf-8", "surrogateescape")) or name
    except UnicodeEncodeError:
        return name


def _shorten(name: str) -> str:
    if len(name) <= MAX_LENGTH:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        return characters.truncate(name, MAX_LENGTH - 1) + "…"
    return characters.truncate(stem, MAX_LENGTH - len(extension) - 2) + "…." + extension


def with_folders(name: str, path: object) -> str:
    """Returns `path` if it ends with `name`, otherwise `name`. The folders are needed for grouping files that belong together."""
    return path if isinstance(path, str) and name and path.endswith(f"/{name}") else name
