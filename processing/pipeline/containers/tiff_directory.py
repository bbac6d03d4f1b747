"""The directories of a TIFF: tells a camera's RAW from a picture, and which of several pictures is the photo.

Most RAW formats are TIFFs whose first picture is a thumbnail, and a TIFF decoder happily returns that one: a
KDC of 1224 x 816 opened as 256 x 171. So the directories are walked here, as TIFF 6.0, TIFF/EP, DNG 1.7 and
BigTIFF describe them, before any decoder sees the file.
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
# Where data lie, and their lengths: strips, tiles, and a JPEG.
DATA = ((273, 279), (324, 325), (513, 514))
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
# Of pictures that any program shows: TIFF 6.0, its supplements, and what libtiff has added.
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
MOST_DIRECTORIES, MOST_TAGS, MOST_VALUES, MOST_OFFSETS = 32, 512, 64, 65_536
NOWHERE = 0xFFFFFFFF
THUMBNAIL = 4
"""So many times longer is what a page is a thumbnail of."""
FLOATING = 3
LAB = (8, 9)
COLOURS = {
    0: "grey", 1: "grey", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "YCbCr", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*",
    32844: "LogL", 32845: "LogLuv",
}  # fmt: skip
KNOWN_PACKINGS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000}
PACKINGS = {
    6: "JPEG of old", 32809: "ThunderScan", 34676: "LogLuv", 34677: "LogLuv", 34712: "JPEG 2000", 34892: "lossy JPEG",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
BIG = 43

Directory = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Page:
    """A directory with a picture, and where in the file it stands."""

    offset: int
    tags: Directory

    @property
    def size(self) -> tuple[int, int]:
        return self.tags[WIDTH][0], self.tags[HEIGHT][0]

    @property
    def number(self) -> int | None:
        """Of a page of a document."""
        return next(iter(self.tags.get(PAGE_NUMBER, ())), None)

    @property
    def is_reduced(self) -> bool:
        """Marked as a copy of another page at less than its resolution."""
        return bool(self.tags.get(SUBFILE, (0,))[0] & 1) or self.tags.get(OLD_SUBFILE) == (2,)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the file writes numbers: order of bytes, a directory's count, and a place in the file."""

    order: str
    count: str
    place: str
    first: int
    """Where the place of the first directory stands."""

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * self.place_bytes

    @property
    def place_bytes(self) -> int:
        return struct.calcsize(self.place)


def raw_kind(file: BinaryIO) -> str | None:
    """The usual name of the RAW format (`DNG`, `NEF`, ..., `RAW` where it has none), or None for a TIFF that is one."""
    directories = [directory for _, directory in _directories(file)]
    if not directories:
        return None
    if any(DNG_VERSION in directory for directory in directories):
        return "DNG"
    kinds = (RAW_COMPRESSIONS.get(value) for entry in directories for value in entry.get(COMPRESSION, ()))
    if kind := next(filter(None, kinds), None):
        return kind
    is_raw = _has_sensor_data(directories) or (_is_thumbnail(directories[0]) and not _shows_itself(file))
    return _maker(directories[0]) if is_raw else None


def photo(file: BinaryIO) -> Page | None:
    """The largest page of full resolution, of equal ones the first; None where no directory has a picture.

    Of a document's numbered pages it is the first, unless that is as small beside another as thumbnails are. Raises a refusal
    when all pages are marked as reduced copies: the photo itself is not in the file.
    """
    pages = list(_pages(file))
    whole = [page for page in pages if not page.is_reduced]
    if not pages:
        return None
    if not whole:
        raise errors.UnsupportedImage("a TIFF with nothing but a reduced copy of its photo")
    alike = [page for page in whole if page.number == whole[0].number]
    largest, first = (max(some, key=lambda page: page.size[0] * page.size[1]) for some in (whole, alike))
    return largest if max(largest.size) >= THUMBNAIL * max(first.size) else first


def first(file: BinaryIO) -> Page | None:
    """The first directory, whatever it holds: words about the photo stand there."""
    return next((Page(*found) for found in _directories(file)), None)


def is_floating(page: Page | None) -> bool:
    """Whether its samples are floating-point numbers."""
    return page is not None and set(page.tags.get(SAMPLE_FORMAT, ())) == {FLOATING}


def is_lab(page: Page | None) -> bool:
    return page is not None and page.tags.get(PHOTOMETRIC, (0,))[0] in LAB


def packing(file: BinaryIO) -> int:
    """Of the photo (tag 259)."""
    page = photo(file)
    return page.tags.get(COMPRESSION, (1,))[0] if page else 1


def unusual(file: BinaryIO) -> str | None:
    """How the photo's samples are stored, in words, if its data are all there: then no decoder's failure means damage."""
    page = photo(file)
    if page is None or any(at + length > _length(file) for at, length in _spans(page.tags)):
        return None
    bits = "+".join(map(str, page.tags.get(BITS, (1,))))
    colours = COLOURS.get(page.tags.get(PHOTOMETRIC, (0,))[0], "colours of an unknown kind")
    number = packing(file)
    packed = f", packed as {PACKINGS.get(number, f'number {number}')}" if number not in KNOWN_PACKINGS else ""
    return f"{colours} of {bits} bits{packed}"


def head(file: BinaryIO, page: Page) -> bytes:
    """The file's first bytes, changed to make that page its first."""
    layout = _layout(file)
    file.seek(0)
    return file.read(layout.first) + struct.pack(layout.order + layout.place, page.offset)


def data_end(file: BinaryIO) -> int:
    """Where the last of the data that the directories speak of ends. Works on RAW files with another head too."""
    spans = [span for _, directory in _directories(file) for span in _spans(directory)]
    return max((start + length for start, length in spans if start != NOWHERE), default=0)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _spans(directory: Directory) -> list[tuple[int, int]]:
    pairs = (zip(directory.get(at, ()), directory.get(lengths, ()), strict=False) for at, lengths in DATA)
    return [span for pair in pairs for span in pair]


def _pages(file: BinaryIO) -> Iterator[Page]:
    for offset, directory in _directories(file):
        is_mask = bool(directory.get(SUBFILE, (0,))[0] & 4) or MASK in directory.get(PHOTOMETRIC, ())
        has_size = all(min(directory.get(tag, (0,)), default=0) > 0 for tag in (WIDTH, HEIGHT))
        if has_size and not is_mask and any(directory.get(at) for at, _ in DATA):
            yield Page(offset, directory)


def _has_sensor_data(directories: list[Directory]) -> bool:
    return any(
        CFA_PATTERN in directory or {COLOUR_FILTER_ARRAY, LINEAR_RAW} & set(directory.get(PHOTOMETRIC, ()))
        for directory in directories
    )


def _is_thumbnail(first: Directory) -> bool:
    return bool(SUB_IFDS in first and first.get(SUBFILE, (0,))[0] & 1)


def _shows_itself(file: BinaryIO) -> bool:
    """Whether a page of full resolution is packed as pictures are, and not as some sensor's data."""
    return any(
        not page.is_reduced and set(page.tags.get(COMPRESSION, (1,))) <= PLAIN_COMPRESSIONS for page in _pages(file)
    )


def _maker(first: Directory) -> str:
    make = bytes(first.get(MAKE, ())).decode("ascii", "replace").upper()
    return next((kind for maker, kind in MAKERS.items() if make.startswith(maker)), "RAW")


def _layout(file: BinaryIO) -> _Layout:
    file.seek(0)
    start = file.read(4)
    order = "<" if start[:2] == b"II" else ">"
    is_big = len(start) == 4 and struct.unpack(order + "H", start[2:])[0] == BIG
    return _Layout(order, "Q", "Q", 8) if is_big else _Layout(order, "H", "I", 4)


def _directories(file: BinaryIO) -> Iterator[tuple[int, Directory]]:
    """The first directories of the chain and below it, with their places. A broken one ends the walk; its decoder says why."""
    layout = _layout(file)
    seen: set[int] = set()
    try:
        waiting = [_numbers(file, layout.first, layout.order + layout.place)[0]]
        while waiting and len(seen) < MOST_DIRECTORIES:
            at = waiting.pop(0)
            if at and at not in seen:
                seen.add(at)
                directory, following = _directory(file, at, layout)
                waiting += [*directory.get(SUB_IFDS, ()), following]
                yield at, directory
    except (struct.error, OSError, OverflowError):
        return


def _directory(file: BinaryIO, at: int, layout: _Layout) -> tuple[Directory, int]:
    (count,) = _numbers(file, at, layout.order + layout.count)
    if count > MOST_TAGS:
        return {}, 0
    begin, each = at + struct.calcsize(layout.count), layout.entry_bytes
    entry = f"{layout.order}HH{layout.place}"
    places = [begin + each * nth for nth in range(count)]
    entries = [(place + 4 + layout.place_bytes, *_numbers(file, place, entry)) for place in places]
    (following,) = _numbers(file, begin + each * count, layout.order + layout.place)
    known = (entry for entry in entries if entry[2] in SIZES)
    return {
        tag: _values(file, place, kind, min(size, _most(tag)), layout) for place, tag, kind, size in known
    }, following


def _most(tag: int) -> int:
    return MOST_OFFSETS if any(tag in pair for pair in DATA) else MOST_VALUES


def _values(file: BinaryIO, place: int, kind: int, count: int, layout: _Layout) -> tuple[int, ...]:
    """A few bytes stand in the entry itself, more where it points to."""
    form = f"{layout.order}{count}{SIZES[kind]}"
    fits = struct.calcsize(form) <= layout.place_bytes
    return _numbers(file, place if fits else _numbers(file, place, layout.order + layout.place)[0], form)


def _numbers(file: BinaryIO, at: int, form: str) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))
