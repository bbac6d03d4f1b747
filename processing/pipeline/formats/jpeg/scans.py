"""Detects damaged and truncated scans in JPEGs (ITU-T T.81), for which libjpeg reports no error.

libjpeg fills missing data with grey and continues, and Pillow does not report its warnings. This module checks the markers;
`intervals` checks the data between them.
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
"""The class of an AC Huffman table, and its end-of-block symbol."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
LOSSLESS, HIERARCHICAL, JPEG_LS = {0xC3, 0xCB}, {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}, 0xF7
PROGRESSIVE = {0xC2, 0xCA}
# The markers that may follow a scan (table B.1): tables, another scan, DNL, comments, application segments, the end.
VALID_AFTER_SCAN = {0xC4, 0xCC, END_OF_IMAGE, START_OF_SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
RESTART_MARKERS = bytes(range(0xD0, 0xD8))
PADDING_BYTES = 64
"""So many equal bytes before a marker are padding, or the data of a flat picture."""
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
        """The number of restart markers that the scan must contain (A.2)."""
        if not scan.interval:
            return 0
        sampling = dict(zip(self.components, self.sampling, strict=True))
        across, down = (max((part[side] for part in sampling.values()), default=1) or 1 for side in (0, 1))
        width, height = self.size
        if len(scan.components) == 1:  # a scan of one component has no blocks that only complete an MCU
            factors = sampling.get(scan.components[0], (across, down))
            mcus = -(-width * factors[0] // (8 * across)) * -(-height * factors[1] // (8 * down))
        else:
            mcus = -(-width // (8 * across)) * -(-height // (8 * down))
        return -(-mcus // scan.interval) - 1

    @property
    def is_lossless(self) -> bool:
        return self.marker in LOSSLESS

    @property
    def unsupported(self) -> str | None:
        """A description of the JPEG if Pillow's libjpeg cannot decode this kind; None if it can."""
        if self.marker == JPEG_LS:
            return "a JPEG-LS picture"
        if self.marker in HIERARCHICAL:
            return "a hierarchical JPEG"
        if self.marker in LOSSLESS and self.bits != 8:
            return f"a lossless JPEG of {self.bits} bits a sample"
        if not self.size[1]:
            return "a JPEG with its height at its end (DNL)"
        if self.bits != 8:
            return f"a JPEG of {self.bits} bits a sample"
        if len(self.components) not in (1, 3, 4):
            return f"a JPEG of {len(self.components)} colour components"
        return None


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan header (B.2.3), with the parameters that apply to the scan.

    `start` is the offset of its data, `low` the lowest bit of its coefficients, and `interval` the restart interval in MCUs, or 0
    without restarts. `high` is the lowest bit that an earlier scan has sent, or 0 in the first scan. `can_be_zeros` is True if
    zeros decode to blocks without detail, which a picture may have in any number. Otherwise, zeros give many blocks the same
    coefficients, which no picture has.
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
    """The data between two restart markers, or the whole scan if it has none; `marker` is the offset of the next marker."""

    start: int
    end: int
    marker: int


@contextmanager
def mapped(file: IO[bytes]) -> Iterator[Data]:
    """Context manager for the file's bytes, memory-mapped if the file is on disk."""
    if isinstance(file, BytesIO):
        yield file.getvalue()
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def frame(data: Data) -> Frame | None:
    """The first frame header; None if the file has none before its first scan."""
    for marker, offset, length in _segments(data):
        if (marker in FRAMES or marker == JPEG_LS) and length >= 6:
            return _frame(marker, data[offset : offset + length])
        if marker == START_OF_SCAN:
            break
    return None


def scans(data: Data) -> Iterator[Scan]:
    """Each scan, up to the end or the first marker that may not follow a scan."""
    interval, offset = 0, None
    zeros: dict[int, int] = {}
    for marker, content, length in _segments(data):
        if marker == RESTART_INTERVAL:
            interval = int.from_bytes(data[content : content + 2])
        if marker == HUFFMAN_TABLES:
            zeros |= _zero_symbols(data[content : content + length])
        if marker == START_OF_SCAN:
            offset = content - 4
            break
    while offset is not None:
        if data[offset + 1] == RESTART_INTERVAL:
            interval = int.from_bytes(data[offset + 4 : offset + 6])
        if data[offset + 1] == HUFFMAN_TABLES:
            zeros |= _zero_symbols(data[offset + 4 : _segment_end(data, offset)])
        if data[offset + 1] == START_OF_SCAN:
            yield _scan(data, offset, interval, zeros)
        match = MARKER.search(data, _segment_end(data, offset))
        offset = match.start() if match and data[match.start() + 1] in VALID_AFTER_SCAN - {END_OF_IMAGE} else None


def intervals(data: Data, scan: Scan) -> Iterator[Interval]:
    """Each interval of a scan, without the fill bytes (B.1.1.2) before the next marker."""
    offset = scan.start
    for match in MARKER_OR_RESTART.finditer(data, scan.start):
        end = match.start()
        while end > offset and data[end - 1] == 0xFF:
            end -= 1
        yield Interval(offset, end, match.start())
        if match[1][0] not in RESTART_MARKERS:
            return
        offset = match.end()


def is_partial(scans: list[Scan], frame: Frame) -> bool:
    """True if the scans lack the lowest bit of any coefficient of any component."""
    if frame.is_lossless:
        return False
    if frame.is_sequential:  # decoders ignore the other parameters, and some phones write wrong ones
        return not {*frame.components} <= {component for scan in scans for component in scan.components}
    sent = {
        (component, index) for scan in scans if not scan.low for component in scan.components for index in scan.band
    }
    return any((component, index) not in sent for component in frame.components for index in range(64))


def without_padding(data: Data, start: int, end: int, minimum: int = PADDING_BYTES) -> int:
    """The end of the data without trailing padding: a run of at least `minimum` equal bytes, except its first eight."""
    tail = data[max(start, end - minimum) : end]
    if len(tail) < minimum or tail.count(tail[-1:]) < minimum:
        return end
    offset = end
    while offset > start:
        block = data[max(start, offset - 4096) : offset]
        offset -= len(block) - len(block.rstrip(tail[-1:]))
        if block.rstrip(tail[-1:]):
            break
    return min(end, offset + 8)


def is_sound(data: Data) -> bool:
    """True if the restarts are in order, no scan has invalid markers, and an end marker follows the last scan."""
    offset = last = first_scan(data)
    try:
        while offset is not None:
            last, offset = offset, _next_scan(data, offset)
    except errors.Broken:
        return False
    return last is None or MARKER.search(data, last) is not None


def check_scans(data: Data) -> None:
    """Raises Broken if a scan has invalid markers, or restarts that are out of order."""
    offset = first_scan(data)
    while offset is not None:
        offset = _next_scan(data, offset)


def first_scan(data: Data) -> int | None:
    """The offset of the first scan's entropy-coded data; None if the file has no scan."""
    return next((offset + length for marker, offset, length in _segments(data) if marker == START_OF_SCAN), None)


def _segments(data: Data) -> Iterator[tuple[int, int, int]]:
    """Marker, offset and length of each segment's content. Skips junk between segments, as decoders do."""
    offset = data.find(b"\xff", 2)
    while 0 <= offset < len(data) - 4:
        marker, length = data[offset + 1], int.from_bytes(data[offset + 2 : offset + 4])
        is_bare = marker in (0x00, 0x01, 0xFF, 0xD8) or marker in RESTART_MARKERS
        if not is_bare:
            yield marker, offset + 4, max(0, length - 2)
        offset = data.find(b"\xff", offset + (1 if is_bare else 2 + length))


def _frame(marker: int, content: bytes) -> Frame:
    height, width, count = int.from_bytes(content[1:3]), int.from_bytes(content[3:5]), content[5]
    components = [content[offset : offset + 3] for offset in range(6, 6 + 3 * count, 3) if offset + 3 <= len(content)]
    sampling = tuple((component[1] >> 4, component[1] & 15) for component in components)
    return Frame(marker, content[0], (width, height), tuple(component[0] for component in components), sampling)


def _zero_symbols(content: bytes) -> dict[int, int]:
    """The symbol with a code of only zeros, which is the first, by class and number of each Huffman table (B.2.4.2)."""
    symbols, offset = {}, 0
    while offset + 17 < len(content):
        symbols[content[offset]] = content[offset + 17]
        offset += 17 + sum(content[offset + 1 : offset + 17])
    return symbols


def _scan(data: Data, offset: int, interval: int, zeros: dict[int, int]) -> Scan:
    """The scan with its marker at `offset`."""
    start = _segment_end(data, offset)
    header = data[offset + 4 : start]
    count = header[0] if header else 0
    tail = header[1 + 2 * count : 4 + 2 * count].ljust(3, b"\0")
    band, tables = range(tail[0], tail[1] + 1), header[2 : 2 + 2 * count : 2]
    symbols = frozenset(zeros.get(AC | table & 15, END_OF_BLOCK) for table in tables)
    can_be_zeros = tail[1] == 0 or symbols == {END_OF_BLOCK}
    return Scan(start, tuple(header[1 : 1 + 2 * count : 2]), band, tail[2] & 15, interval, tail[2] >> 4, can_be_zeros)


def _segment_end(data: Data, offset: int) -> int:
    return offset + 2 + int.from_bytes(data[offset + 2 : offset + 4])


def _next_scan(data: Data, offset: int) -> int | None:
    """Checks one scan and returns the offset of the next scan's data; None after the last scan. A missing end is no error."""
    restarts, end = bytearray(), len(data)
    for match in MARKER_OR_RESTART.finditer(data, offset):
        if match[1][0] not in RESTART_MARKERS:
            end = match.start()
            break
        restarts += match[1]
    if restarts != (RESTART_MARKERS * (len(restarts) // 8 + 1))[: len(restarts)]:
        raise errors.Broken
    if end == len(data) or data[end + 1] == END_OF_IMAGE:
        return None
    if data[end + 1] not in VALID_AFTER_SCAN:
        raise errors.Broken
    return _segment_end(data, end)
