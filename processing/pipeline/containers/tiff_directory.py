"""Reads the directories of a TIFF, to distinguish camera RAW from pictures and to find the photo among several pages.

Most RAW formats are TIFFs with a thumbnail as first page, and a TIFF decoder returns that thumbnail: a KDC of 1224 x 816 opened
as 256 x 171. So this module walks the directories, as TIFF 6.0, TIFF/EP, DNG 1.7 and BigTIFF describe them, before any decoder
opens the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from processing.pipeline import errors

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, MAKE, ORIENTATION, SUB_IFDS = (
    254, 255, 256, 257, 258, 259, 262, 271, 274, 330,
)  # fmt: skip
PAGE_NUMBER, SAMPLE_FORMAT, XMP, CFA_PATTERN, DNG_VERSION = 297, 339, 700, 33422, 50706
# The tags with offsets and lengths of data: strips, tiles, and a JPEG.
DATA_TAGS = ((273, 279), (324, 325), (513, 514))
COLOUR_FILTER_ARRAY, LINEAR_RAW, MASK = 32803, 34892, 4
RAW_COMPRESSIONS = {
    32767: "ARW",
    32769: "SRW",
    32770: "SRW",
    32772: "SRW",
    34713: "NEF",
    65000: "KDC",
    65535: "PEF",
}
# Compressions of ordinary pictures: TIFF 6.0, its supplements, and libtiff's additions.
PLAIN_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 50001, 50002, 52546}
MAKERS = {"NIKON": "NEF", "SONY": "ARW", "PENTAX": "PEF", "SAMSUNG": "SRW", "KODAK": "KDC", "EASTMAN": "KDC"}
MAKERS |= {
    "HASSELBLAD": "3FR",
    "PHASE": "IIQ",
    "EPSON": "ERF",
    "LEICA": "RWL",
    "MAMIYA": "MEF",
    "LEAF": "MOS",
}
MAX_DIRECTORIES, MAX_TAGS, MAX_VALUES, MAX_OFFSETS = 32, 512, 64, 65_536
NO_OFFSET = 0xFFFFFFFF
THUMBNAIL_FACTOR = 4
"""A page counts as a thumbnail if another page's longer side is at least this many times as long."""
FLOAT_FORMAT = 3
LAB_PHOTOMETRICS = (8, 9)
PHOTOMETRIC_NAMES = {
    0: "grey", 1: "grey", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "YCbCr", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*",
    32844: "LogL", 32845: "LogLuv",
}  # fmt: skip
COMMON_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000}
COMPRESSION_NAMES = {
    6: "JPEG of old", 32809: "ThunderScan", 34676: "LogLuv", 34677: "LogLuv", 34712: "JPEG 2000", 34892: "lossy JPEG",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
TYPE_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
BIG_TIFF = 43

Directory = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Page:
    """A directory with a picture, and the directory's offset in the file."""

    offset: int
    tags: Directory

    @property
    def size(self) -> tuple[int, int]:
        return self.tags[WIDTH][0], self.tags[HEIGHT][0]

    @property
    def number(self) -> int | None:
        """The page number in a document, if it has one."""
        return next(iter(self.tags.get(PAGE_NUMBER, ())), None)

    @property
    def is_reduced(self) -> bool:
        """True if the page is marked as a copy of another page at reduced resolution."""
        return bool(self.tags.get(SUBFILE, (0,))[0] & 1) or self.tags.get(OLD_SUBFILE) == (2,)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The byte order, and the `struct` formats of a directory's count and of an offset."""

    order: str
    count_format: str
    offset_format: str
    first: int
    """The position of the offset of the first directory."""

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * self.offset_bytes

    @property
    def offset_bytes(self) -> int:
        return struct.calcsize(self.offset_format)


def raw_kind(file: BinaryIO) -> str | None:
    """The usual name of the RAW format (`DNG`, `NEF`, ..., or `RAW` if it has none); None for an ordinary TIFF."""
    directories = [directory for _, directory in _directories(file)]
    if not directories:
        return None
    if any(DNG_VERSION in directory for directory in directories):
        return "DNG"
    kinds = (RAW_COMPRESSIONS.get(value) for entry in directories for value in entry.get(COMPRESSION, ()))
    if kind := next(filter(None, kinds), None):
        return kind
    is_preview = _is_thumbnail(directories[0]) and not _has_plain_page(file) and not _lacks_directories(file)
    is_raw = _has_sensor_data(directories) or is_preview
    return _maker(directories[0]) if is_raw else None


def photo(file: BinaryIO) -> Page | None:
    """The largest page of full resolution, or the first of equally large ones; None if no directory has a picture.

    In a document with numbered pages, the photo is the largest with the first page's number, unless another page is
    THUMBNAIL_FACTOR times as long. Raises UnsupportedImage if all pages are marked as reduced copies, so that the photo itself
    is not in the file, or Truncated if the file ends before another page's directory.
    """
    pages = list(_pages(file))
    full_pages = [page for page in pages if not page.is_reduced]
    if not pages:
        return None
    if not full_pages and _lacks_directories(file):
        raise errors.Truncated
    if not full_pages:
        raise errors.UnsupportedImage("a TIFF with nothing but a reduced copy of its photo")
    same_number = [page for page in full_pages if page.number == full_pages[0].number]
    largest, first = (
        max(candidates, key=lambda page: page.size[0] * page.size[1]) for candidates in (full_pages, same_number)
    )
    return largest if max(largest.size) >= THUMBNAIL_FACTOR * max(first.size) else first


def first_page(file: BinaryIO) -> Page | None:
    """The first directory, with or without a picture. It often has the photo's metadata."""
    return next((Page(*entry) for entry in _directories(file)), None)


def is_float(page: Page | None) -> bool:
    """True if the page's samples are floating-point numbers."""
    return page is not None and set(page.tags.get(SAMPLE_FORMAT, ())) == {FLOAT_FORMAT}


def is_lab(page: Page | None) -> bool:
    return page is not None and page.tags.get(PHOTOMETRIC, (0,))[0] in LAB_PHOTOMETRICS


def compression_code(file: BinaryIO) -> int:
    """The photo's compression (tag 259)."""
    page = photo(file)
    return page.tags.get(COMPRESSION, (1,))[0] if page else 1


def unusual_format(file: BinaryIO) -> str | None:
    """A description of how the photo's samples are stored; None if data is missing.

    If all data is present, a decoder's failure means an unsupported kind of picture rather than damage.
    """
    page = photo(file)
    if page is None or any(offset + length > _length(file) for offset, length in _spans(page.tags)):
        return None
    bits = "+".join(map(str, page.tags.get(BITS, (1,))))
    colours = PHOTOMETRIC_NAMES.get(page.tags.get(PHOTOMETRIC, (0,))[0], "colours of an unknown kind")
    number = compression_code(file)
    compression = (
        f", packed as {COMPRESSION_NAMES.get(number, f'number {number}')}" if number not in COMMON_COMPRESSIONS else ""
    )
    return f"{colours} of {bits} bits{compression}"


def head(file: BinaryIO, page: Page) -> bytes:
    """The first bytes of the file, with the offset of `page` as that of the first directory."""
    layout = _layout(file)
    file.seek(0)
    return file.read(layout.first) + struct.pack(layout.order + layout.offset_format, page.offset)


def data_end(file: BinaryIO) -> int:
    """The offset after the last data that any directory refers to. Also works for RAW files with another signature."""
    spans = [span for _, directory in _directories(file) for span in _spans(directory)]
    return max((start + length for start, length in spans if start != NO_OFFSET), default=0)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _spans(directory: Directory) -> list[tuple[int, int]]:
    pairs = (
        zip(directory.get(offsets, ()), directory.get(lengths, ()), strict=False) for offsets, lengths in DATA_TAGS
    )
    return [span for pair in pairs for span in pair]


def _pages(file: BinaryIO) -> Iterator[Page]:
    for offset, directory in _directories(file):
        is_mask = bool(directory.get(SUBFILE, (0,))[0] & 4) or MASK in directory.get(PHOTOMETRIC, ())
        has_size = all(min(directory.get(tag, (0,)), default=0) > 0 for tag in (WIDTH, HEIGHT))
        if has_size and not is_mask and any(directory.get(offsets) for offsets, _ in DATA_TAGS):
            yield Page(offset, directory)


def _has_sensor_data(directories: list[Directory]) -> bool:
    """True if a directory has one sample per pixel behind a colour filter. Programs copy the filter's tag into RGB pictures."""
    return any(
        (CFA_PATTERN in directory and len(directory.get(BITS, ())) <= 1)
        or {COLOUR_FILTER_ARRAY, LINEAR_RAW} & set(directory.get(PHOTOMETRIC, ()))
        for directory in directories
    )


def _is_thumbnail(first: Directory) -> bool:
    return bool(SUB_IFDS in first and first.get(SUBFILE, (0,))[0] & 1)


def _has_plain_page(file: BinaryIO) -> bool:
    """True if a page of full resolution has the compression of an ordinary picture rather than of sensor data."""
    return any(
        not page.is_reduced and set(page.tags.get(COMPRESSION, (1,))) <= PLAIN_COMPRESSIONS for page in _pages(file)
    )


def _lacks_directories(file: BinaryIO) -> bool:
    """True if the file ends before one of its directories."""
    directories, layout = list(_directories(file)), _layout(file)
    read = {offset for offset, _ in directories}
    offsets = {sub for _, directory in directories for sub in directory.get(SUB_IFDS, ())}
    offsets |= {_directory(file, offset, layout)[1] for offset in read}
    return len(read) < MAX_DIRECTORIES and bool(offsets - read - {0})


def _maker(first: Directory) -> str:
    make = bytes(first.get(MAKE, ())).decode("ascii", "replace").upper()
    return next((kind for maker, kind in MAKERS.items() if make.startswith(maker)), "RAW")


def _layout(file: BinaryIO) -> _Layout:
    file.seek(0)
    start = file.read(4)
    order = "<" if start[:2] == b"II" else ">"
    is_big = len(start) == 4 and struct.unpack(order + "H", start[2:])[0] == BIG_TIFF
    return _Layout(order, "Q", "Q", 8) if is_big else _Layout(order, "H", "I", 4)


def _directories(file: BinaryIO) -> Iterator[tuple[int, Directory]]:
    """Offset and content of each directory, including sub-directories, up to MAX_DIRECTORIES.

    The walk ends at a broken directory, for which the decoder will raise its own error.
    """
    layout = _layout(file)
    visited: set[int] = set()
    try:
        pending = [_unpack(file, layout.first, layout.order + layout.offset_format)[0]]
        while pending and len(visited) < MAX_DIRECTORIES:
            offset = pending.pop(0)
            if offset and offset not in visited:
                visited.add(offset)
                directory, next_offset = _directory(file, offset, layout)
                pending += [*directory.get(SUB_IFDS, ()), next_offset]
                yield offset, directory
    except (struct.error, OSError, OverflowError):
        return


def _directory(file: BinaryIO, offset: int, layout: _Layout) -> tuple[Directory, int]:
    (count,) = _unpack(file, offset, layout.order + layout.count_format)
    if count > MAX_TAGS:
        return {}, 0
    entries_offset, entry_bytes = offset + struct.calcsize(layout.count_format), layout.entry_bytes
    entry = f"{layout.order}HH{layout.offset_format}"
    positions = [entries_offset + entry_bytes * nth for nth in range(count)]
    entries = [(position + 4 + layout.offset_bytes, *_unpack(file, position, entry)) for position in positions]
    (next_offset,) = _unpack(file, entries_offset + entry_bytes * count, layout.order + layout.offset_format)
    readable = (entry for entry in entries if entry[2] in TYPE_FORMATS)
    return {
        tag: _values(file, position, kind, min(size, _max_values(tag)), layout)
        for position, tag, kind, size in readable
    }, next_offset


def _max_values(tag: int) -> int:
    return MAX_OFFSETS if any(tag in pair for pair in DATA_TAGS) else MAX_VALUES


def _values(file: BinaryIO, position: int, kind: int, count: int, layout: _Layout) -> tuple[int, ...]:
    """The values of an entry: in the entry itself if they fit, otherwise at the offset that it contains."""
    format_string = f"{layout.order}{count}{TYPE_FORMATS[kind]}"
    fits = struct.calcsize(format_string) <= layout.offset_bytes
    return _unpack(
        file, position if fits else _unpack(file, position, layout.order + layout.offset_format)[0], format_string
    )


def _unpack(file: BinaryIO, offset: int, format_string: str) -> tuple[int, ...]:
    file.seek(offset)
    return struct.unpack(format_string, file.read(struct.calcsize(format_string)))
