"""Tells a camera's RAW from a TIFF.

Most RAW formats are TIFFs whose first picture is a thumbnail, and a TIFF decoder happily returns that one: a
KDC of 1224 x 816 opened as 256 x 171. So the directories are walked here, as TIFF 6.0, TIFF/EP and DNG 1.7
describe them, before any decoder sees the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

SUBFILE, COMPRESSION, PHOTOMETRIC, MAKE, SUB_IFDS, SAMPLE_FORMAT, XMP, CFA_PATTERN, DNG_VERSION = (
    254, 259, 262, 271, 330, 339, 700, 33422, 50706,
)  # fmt: skip
# Where data lie, and their lengths: strips, tiles, and a JPEG.
DATA = ((273, 279), (324, 325), (513, 514))
COLOUR_FILTER_ARRAY, LINEAR_RAW = 32803, 34892
RAW_COMPRESSIONS = {
    32767: "ARW",
    32769: "SRW",
    32770: "SRW",
    32772: "SRW",
    34713: "NEF",
    65000: "KDC",
    65535: "PEF",
}
MAKERS = {"NIKON": "NEF", "SONY": "ARW", "PENTAX": "PEF", "SAMSUNG": "SRW", "KODAK": "KDC", "EASTMAN": "KDC"}
MAKERS |= {
    "HASSELBLAD": "3FR",
    "PHASE": "IIQ",
    "EPSON": "ERF",
    "LEICA": "RWL",
    "MAMIYA": "MEF",
    "LEAF": "MOS",
}
MOST_DIRECTORIES, MOST_TAGS, MOST_VALUES, MOST_OFFSETS = 32, 512, 64, 65_536
NOWHERE = 0xFFFFFFFF
FLOATING = 3
SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 13: "I"}

Directory = dict[int, tuple[int, ...]]


def raw_kind(file: BinaryIO) -> str | None:
    """The usual name of the RAW format (`DNG`, `NEF`, ..., `RAW` where it has none), or None for a TIFF that is one."""
    directories = list(_directories(file))
    if not directories:
        return None
    if any(DNG_VERSION in directory for directory in directories):
        return "DNG"
    kinds = (RAW_COMPRESSIONS.get(value) for entry in directories for value in entry.get(COMPRESSION, ()))
    if kind := next(filter(None, kinds), None):
        return kind
    return _maker(directories[0]) if _has_sensor_data(directories) or _is_thumbnail(directories[0]) else None


def is_floating(file: BinaryIO) -> bool:
    """Whether the first picture's samples are floating-point numbers."""
    return set(next(_directories(file), {}).get(SAMPLE_FORMAT, ())) == {FLOATING}


def data_end(file: BinaryIO) -> int:
    """Where the last of the data that the directories speak of ends. Works on RAW files with another head too."""
    spans = [
        (start, length)
        for directory in _directories(file)
        for at, lengths in DATA
        for start, length in zip(directory.get(at, ()), directory.get(lengths, ()), strict=False)
    ]
    return max((start + length for start, length in spans if start != NOWHERE), default=0)


def _has_sensor_data(directories: list[Directory]) -> bool:
    return any(
        CFA_PATTERN in directory or {COLOUR_FILTER_ARRAY, LINEAR_RAW} & set(directory.get(PHOTOMETRIC, ()))
        for directory in directories
    )


def _is_thumbnail(first: Directory) -> bool:
    return bool(SUB_IFDS in first and first.get(SUBFILE, (0,))[0] & 1)


def _maker(first: Directory) -> str:
    make = bytes(first.get(MAKE, ())).decode("ascii", "replace").upper()
    return next((kind for maker, kind in MAKERS.items() if make.startswith(maker)), "RAW")


def _directories(file: BinaryIO) -> Iterator[Directory]:
    """The first directories of the chain and below it. A broken one ends the walk; its decoder says why."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    seen: set[int] = set()
    try:
        waiting = [_numbers(file, 4, order + "I")[0]]
        while waiting and len(seen) < MOST_DIRECTORIES:
            at = waiting.pop(0)
            if at and at not in seen:
                seen.add(at)
                directory, following = _directory(file, at, order)
                waiting += [*directory.get(SUB_IFDS, ()), following]
                yield directory
    except (struct.error, OSError, OverflowError):
        return


def _directory(file: BinaryIO, at: int, order: str) -> tuple[Directory, int]:
    (count,) = _numbers(file, at, order + "H")
    if count > MOST_TAGS:
        return {}, 0
    entries = [(at + 2 + 12 * nth, *_numbers(file, at + 2 + 12 * nth, order + "HHI")) for nth in range(count)]
    (following,) = _numbers(file, at + 2 + 12 * count, order + "I")
    known = (entry for entry in entries if entry[2] in SIZES)
    return {
        tag: _values(file, place + 8, kind, min(size, _most(tag)), order) for place, tag, kind, size in known
    }, following


def _most(tag: int) -> int:
    return MOST_OFFSETS if any(tag in pair for pair in DATA) else MOST_VALUES


def _values(file: BinaryIO, place: int, kind: int, count: int, order: str) -> tuple[int, ...]:
    """Up to four bytes stand in the entry itself, more where it points to."""
    form = f"{order}{count}{SIZES[kind]}"
    fits = struct.calcsize(form) <= 4
    return _numbers(file, place if fits else _numbers(file, place, order + "I")[0], form)


def _numbers(file: BinaryIO, at: int, form: str) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))
