"""Decodes and cleans text from untrusted files: bounded in length, without control or invisible characters."""

from __future__ import annotations

import re
from contextlib import suppress

from processing.pipeline import characters
from processing.pipeline.metadata import charsets

MAX_LINE, MAX_TEXT = 200, 5000
MAX_BYTES = 64 * 1024
"""Bytes decoded of one text: a TIFF may contain gigabytes of it."""
ASCII, MIN_ASCII = re.compile(rb"[\t\r\n\x20-\x7e]+"), 8
NEW_LINE = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")


def first(*candidates: str | None) -> str | None:
    return next((cleaned for cleaned in map(clean, candidates) if cleaned), None)


def first_line(*candidates: str | None) -> str | None:
    return next((cleaned for cleaned in map(line, candidates) if cleaned), None)


def line(value: str | None) -> str | None:
    """Returns the cleaned text on one line, at most MAX_LINE characters; None if it is empty."""
    cleaned = clean(value)
    return characters.truncate(" ".join(cleaned.split()), MAX_LINE).strip() if cleaned else None


def camera(make: str | None, model: str | None) -> str | None:
    """Returns make and model; leaves out the make if the model's first word is part of it."""
    make, model = line(make), line(model)
    if not make or not model:
        return model or make
    return model if model.split()[0].lower() in make.lower().split() else f"{make} {model}"


def clean(value: str | None) -> str | None:
    """Returns the text without invisible characters, at most MAX_TEXT characters; None if it is empty."""
    if not value:
        return None
    value = NEW_LINE.sub("\n", unmojibake(value[: 4 * MAX_TEXT].split("\0")[0]).replace("\t", " "))
    visible = characters.visible(characters.to_nfc(value), keep="\n").strip()
    return characters.truncate(visible, MAX_TEXT).strip() if visible.strip(characters.JOINERS) else None


def decode(value: object, charset: str | None = None) -> str | None:
    """Decodes bytes, or a string that Pillow decoded as Latin-1: by `charset`, else as UTF-8, else by guessing the charset."""
    if isinstance(value, str):
        try:
            content = value.encode("latin-1")
        except UnicodeError:
            return value
    elif isinstance(value, bytes):
        content = value
    else:
        return None
    content = content[:MAX_BYTES]
    if _is_utf16(content):
        return decode_utf16(content + bytes(len(content) % 2))
    if charset:
        with suppress(UnicodeDecodeError):
            return content.decode(charset)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        valid = content[: error.start]
        if error.reason == "unexpected end of data" and not valid.isascii():
            return valid.decode("utf-8")  # a fixed-length field truncated the last character
        return charsets.decode_guessed(content)


def decode_utf16(value: bytes) -> str:
    """Decodes UTF-16 without a known byte order. Without a BOM, the zero bytes are taken for the high bytes of Latin letters.

    Some programs write ASCII into fields of UTF-16, which would be rare ideographs.
    """
    if len(value) >= MIN_ASCII and ASCII.fullmatch(value) and len({*value[::2]}) > 1 and len({*value[1::2]}) > 1:
        return value.decode("ascii")
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return value.decode("utf-16", "ignore")
    return value.decode("utf-16-be" if value[::2].count(0) > value[1::2].count(0) else "utf-16-le", "ignore")


def _is_utf16(content: bytes) -> bool:
    """True for Latin letters in UTF-16, little-endian, or text with a BOM, in a field of bytes. It may lack its last zero."""
    return content[:2] in (b"\xff\xfe", b"\xfe\xff") or (
        len(content) >= 3 and all(content[::2]) and not any(content[1::2])
    )


def unmojibake(value: str) -> str:
    """Repairs UTF-8 that was decoded as Latin-1, as Pillow does with EXIF, or as Windows-1252."""
    for charset in ("latin-1", "cp1252"):
        try:
            return value.encode(charset).decode("utf-8")
        except UnicodeError:
            continue
    return value
