"""Strings out of strangers' files: readable, bounded, with nothing that steers a terminal or a page."""

from __future__ import annotations

import re
from contextlib import suppress

from processing.pipeline.metadata import characters, charsets

MOST_LINE, MOST_TEXT = 200, 5000
MOST_BYTES = 64 * 1024
"""Of one text that are looked at: a TIFF may hold gigabytes of it."""
NEW_LINE = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")


def first(*candidates: str | None) -> str | None:
    return next((found for found in map(clean, candidates) if found), None)


def first_line(*candidates: str | None) -> str | None:
    return next((found for found in map(line, candidates) if found), None)


def line(value: str | None) -> str | None:
    """The text in one line."""
    cleaned = clean(value)
    return characters.cut(" ".join(cleaned.split()), MOST_LINE).strip() if cleaned else None


def camera(make: str | None, model: str | None) -> str | None:
    """Maker and model, the maker only where the model does not begin with its name."""
    make, model = line(make), line(model)
    if not make or not model:
        return model or make
    return model if model.split()[0].lower() in make.lower().split() else f"{make} {model}"


def clean(value: str | None) -> str | None:
    """The text without what nobody can see; None when nothing is left."""
    if not value:
        return None
    value = NEW_LINE.sub("\n", unmojibake(value[: 4 * MOST_TEXT].split("\0")[0]).replace("\t", " "))
    kept = characters.seen(characters.composed(value), also="\n").strip()
    return characters.cut(kept, MOST_TEXT).strip() if kept.strip(characters.JOINERS) else None


def decode(value: object, charset: str | None = None) -> str | None:
    """Bytes, or what Pillow made of them as Latin-1: in the charset that is told, as UTF-8, else by `charsets`."""
    if isinstance(value, str):
        try:
            content = value.encode("latin-1")
        except UnicodeError:
            return value
    elif isinstance(value, bytes):
        content = value
    else:
        return None
    content = content[:MOST_BYTES]
    if charset:
        with suppress(UnicodeDecodeError):
            return content.decode(charset)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        whole = content[: error.start]
        if error.reason == "unexpected end of data" and not whole.isascii():
            return whole.decode("utf-8")  # a field of fixed length cut the last character
        return charsets.guessed(content)


def wide(value: bytes) -> str:
    """UTF-16, whose order nobody is told: where the zeros are, are the upper halves of Latin letters."""
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return value.decode("utf-16", "ignore")
    return value.decode("utf-16-be" if value[::2].count(0) > value[1::2].count(0) else "utf-16-le", "ignore")


def unmojibake(value: str) -> str:
    """UTF-8 that somebody took for Latin-1, as Pillow does with EXIF, or for what Windows makes of it."""
    for charset in ("latin-1", "cp1252"):
        try:
            return value.encode(charset).decode("utf-8")
        except UnicodeError:
            continue
    return value
