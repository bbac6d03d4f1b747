"""What libjpeg passes over in silence: damaged and cut scans (ITU-T T.81).

libjpeg paints grey where data are missing and goes on, and Pillow does not report its warnings. Here is what markers tell;
`intervals` looks at the data between them.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from processing.pipeline import errors

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
MARKER_OR_RESTART = re.compile(rb"\xff([^\x00\xff])")
START_OF_SCAN, END_OF_IMAGE, RESTART_INTERVAL, HUFFMAN_TABLES = 0xDA, 0xD9, 0xDD, 0xC4
AC, END_OF_BLOCK = 0x10, 0
"""Class of a Huffman table, and the symbol of its that ends a block."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
LOSSLESS, HIERARCHICAL, JPEG_LS = {0xC3, 0xCB}, {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}, 0xF7
PROGRESSIVE = {0xC2, 0xCA}
# After a scan may follow (table B.1): tables, another scan, DNL, comments, application segments, the end.
LAWFUL = {0xC4, 0xCC, END_OF_IMAGE, START_OF_SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
CYCLE = bytes(range(0xD0, 0xD8))
PADDING = 64
"""That many equal bytes in front of a marker are no picture, or one that is flat."""
Data = mmap.mmap | bytes
FILLER = b"\x5a\x31\xc6\x2d" * 64


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header (B.2.2)."""

    marker: int
    bits: int
    size: tuple[int, int]
    components: tuple[int, ...]
    sampling: tuple[tuple[int, int], ...]

    @property
    def is_sequential(self) -> bool:
        return self.marker not in PROGRESSIVE

    def restarts(self, scan: Scan) -> int:
        """How many restart markers that scan holds (A.2)."""
        if not scan.interval:
            return 0
        sampling = dict(zip(self.components, self.sampling, strict=True))
        across, down = (max((part[side] for part in sampling.values()), default=1) or 1 for side in (0, 1))
        width, height = self.size
        if len(scan.components) == 1:  # its blocks alone, not those that fill up an MCU
            own = sampling.get(scan.components[0], (across, down))
            units = -(-width * own[0] // (8 * across)) * -(-height * own[1] // (8 * down))
        else:
            units = -(-width // (8 * across)) * -(-height // (8 * down))
        return -(-units // scan.interval) - 1

    @property
    def is_lossless(self) -> bool:
        return self.marker in LOSSLESS

    @property
    def unsupported(self) -> str | None:
        """In words why libjpeg, as Pillow uses it, decodes no such JPEG; None when it does."""
        if self.marker == JPEG_LS:
            return "a JPEG-LS picture"
        if self.marker in HIERARCHICAL:
            return "a hierarchical JPEG"
        if self.marker in LOSSLESS and self.bits != 8:
            return f"a lossless JPEG of {self.bits} bits a sample"
        if self.bits != 8:
            return f"a JPEG of {self.bits} bits a sample"
        if len(self.components) not in (1, 3, 4):
            return f"a JPEG of {len(self.components)} colour components"
        return None


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan header (B.2.3), and what is in force there.

    `start` is where its data begin, `low` the lowest bit of its coefficients, `interval` that of restarts in MCUs: 0 without.
    `high` is the lowest bit that an earlier scan has sent: 0 in the first. `can_be_zeros`: zeros decode to blocks without detail,
    as there are in any number; else some get the same coefficients everywhere, which no picture has.
    """

    start: int
    components: tuple[int, ...]
    band: range
    low: int
    interval: int
    high: int
    can_be_zeros: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """What lies between two restart markers, or of a scan without them all; `marker` is where the next one stands."""

    start: int
    end: int
    marker: int


@contextmanager
def mapped(file: IO[bytes]) -> Iterator[Data]:
    """The file's bytes, as far as possible without reading them into memory."""
    if isinstance(file, BytesIO):
        yield file.getvalue()
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def frame(data: Data) -> Frame | None:
    """What the first frame header says."""
    for marker, at, length in _segments(data):
        if (marker in FRAMES or marker == JPEG_LS) and length >= 6:
            return _frame(marker, data[at : at + length])
        if marker == START_OF_SCAN:
            break
    return None


def scans(data: Data) -> Iterator[Scan]:
    """Each scan up to the first marker that cannot follow one, or the end."""
    interval, at = 0, None
    zeros: dict[int, int] = {}
    for marker, content, length in _segments(data):
        if marker == RESTART_INTERVAL:
            interval = int.from_bytes(data[content : content + 2])
        if marker == HUFFMAN_TABLES:
            zeros |= _zeros(data[content : content + length])
        if marker == START_OF_SCAN:
            at = content - 4
            break
    while at is not None:
        if data[at + 1] == RESTART_INTERVAL:
            interval = int.from_bytes(data[at + 4 : at + 6])
        if data[at + 1] == HUFFMAN_TABLES:
            zeros |= _zeros(data[at + 4 : _behind(data, at)])
        if data[at + 1] == START_OF_SCAN:
            yield _scan(data, at, interval, zeros)
        found = MARKER.search(data, _behind(data, at))
        at = found.start() if found and data[found.start() + 1] in LAWFUL - {END_OF_IMAGE} else None


def intervals(data: Data, scan: Scan) -> Iterator[Interval]:
    """Each of one scan, without the fill bytes (B.1.1.2) in front of its marker."""
    at = scan.start
    for found in MARKER_OR_RESTART.finditer(data, scan.start):
        end = found.start()
        while end > at and data[end - 1] == 0xFF:
            end -= 1
        yield Interval(at, end, found.start())
        if found[1][0] not in CYCLE:
            return
        at = found.end()


def is_partial(scans: list[Scan], frame: Frame) -> bool:
    """Whether some coefficient of some component is in none of the scans with all of its bits."""
    if frame.is_lossless:
        return False
    sent = {(part, place) for scan in scans if not scan.low for part in scan.components for place in scan.band}
    last = 63 if not frame.is_sequential else 0
    return any((part, place) not in sent for part in frame.components for place in range(last + 1))


def without_padding(data: Data, start: int, end: int) -> int:
    """Where the data end if a run of equal bytes at their end counts as none of them, but for the first eight."""
    last = data[max(start, end - PADDING) : end]
    if len(last) < PADDING or last.count(last[-1:]) < PADDING:
        return end
    at = end
    while at > start:
        piece = data[max(start, at - 4096) : at]
        at -= len(piece) - len(piece.rstrip(last[-1:]))
        if piece.rstrip(last[-1:]):
            break
    return min(end, at + 8)


def is_sound(data: Data) -> bool:
    """Whether restarts are in order, nothing stands in a scan that cannot be there, and an end marker follows the last."""
    at = last = first_scan(data)
    try:
        while at is not None:
            last, at = at, _next_scan(data, at)
    except errors.Broken:
        return False
    return last is None or MARKER.search(data, last) is not None


def check_data(data: Data) -> None:
    """Refuses a JPEG with anything in its scans that cannot be there, or with restarts out of order."""
    at = first_scan(data)
    while at is not None:
        at = _next_scan(data, at)


def first_scan(data: Data) -> int | None:
    """Where the entropy-coded data begin."""
    return next((at + length for marker, at, length in _segments(data) if marker == START_OF_SCAN), None)


def _segments(data: Data) -> Iterator[tuple[int, int, int]]:
    """Marker, place and length of each segment's content. Junk between the segments is skipped, as decoders do."""
    at = data.find(b"\xff", 2)
    while 0 <= at < len(data) - 4:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        is_bare = marker in (0x00, 0x01, 0xFF, 0xD8) or marker in CYCLE
        if not is_bare:
            yield marker, at + 4, max(0, length - 2)
        at = data.find(b"\xff", at + (1 if is_bare else 2 + length))


def _frame(marker: int, content: bytes) -> Frame:
    height, width, count = int.from_bytes(content[1:3]), int.from_bytes(content[3:5]), content[5]
    parts = [content[at : at + 3] for at in range(6, 6 + 3 * count, 3) if at + 3 <= len(content)]
    sampling = tuple((part[1] >> 4, part[1] & 15) for part in parts)
    return Frame(marker, content[0], (width, height), tuple(part[0] for part in parts), sampling)


def _zeros(content: bytes) -> dict[int, int]:
    """By class and number of each Huffman table (B.2.4.2): the symbol whose code is zeros, which is the first one."""
    found, at = {}, 0
    while at + 17 < len(content):
        found[content[at]] = content[at + 17]
        at += 17 + sum(content[at + 1 : at + 17])
    return found


def _scan(data: Data, at: int, interval: int, zeros: dict[int, int]) -> Scan:
    """`at` is where its marker stands."""
    start = _behind(data, at)
    header = data[at + 4 : start]
    count = header[0] if header else 0
    tail = header[1 + 2 * count : 4 + 2 * count].ljust(3, b"\0")
    band, tables = range(tail[0], tail[1] + 1), header[2 : 2 + 2 * count : 2]
    symbols = frozenset(zeros.get(AC | table & 15, END_OF_BLOCK) for table in tables)
    can_be_zeros = tail[1] == 0 or symbols == {END_OF_BLOCK}
    return Scan(start, tuple(header[1 : 1 + 2 * count : 2]), band, tail[2] & 15, interval, tail[2] >> 4, can_be_zeros)


def _behind(data: Data, at: int) -> int:
    return at + 2 + int.from_bytes(data[at + 2 : at + 4])


def _next_scan(data: Data, at: int) -> int | None:
    """Checks one scan; None behind the last. That the end is missing is not looked at."""
    restarts, end = bytearray(), len(data)
    for found in MARKER_OR_RESTART.finditer(data, at):
        if found[1][0] not in CYCLE:
            end = found.start()
            break
        restarts += found[1]
    if restarts != (CYCLE * (len(restarts) // 8 + 1))[: len(restarts)]:
        raise errors.Broken
    if end == len(data) or data[end + 1] == END_OF_IMAGE:
        return None
    if data[end + 1] not in LAWFUL:
        raise errors.Broken
    return _behind(data, end)
