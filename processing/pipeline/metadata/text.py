"""Strings out of strangers' files: readable, bounded, with nothing that steers a terminal or a page."""

from __future__ import annotations

import unicodedata

MOST_LINE, MOST_TEXT = 200, 5000
# Control, surrogate and private characters, and the invisible ones that turn text round or hide it.
UNWANTED = {"Cc", "Cs", "Co", "Cn"}
INVISIBLE = set("\u200b\u2028\u2029\u2060\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def first(*candidates: str | None) -> str | None:
    return next((found for found in map(clean, candidates) if found), None)


def first_line(*candidates: str | None) -> str | None:
    return next((found for found in map(line, candidates) if found), None)


def line(value: str | None) -> str | None:
    """The text in one line."""
    cleaned = clean(value)
    return " ".join(cleaned.split())[:MOST_LINE].strip() if cleaned else None


def clean(value: str | None) -> str | None:
    """The text without what nobody can see; None when nothing is left."""
    if not value:
        return None
    value = unmojibake(value[: 4 * MOST_TEXT].split("\0")[0].replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(char for char in unicodedata.normalize("NFC", value) if _is_wanted(char))
    return kept.strip()[:MOST_TEXT].strip() or None


def decode(value: object) -> str | None:
    """Bytes as UTF-8 where they are that, else as Windows wrote them."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def unmojibake(value: str) -> str:
    """Pillow reads EXIF's strings as Latin-1; nearly every camera and phone writes UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _is_wanted(char: str) -> bool:
    return char == "\n" or (unicodedata.category(char) not in UNWANTED and char not in INVISIBLE)
