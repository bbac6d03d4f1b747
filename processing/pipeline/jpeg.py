"""What libjpeg passes over in silence: damaged and cut scans (ITU-T T.81).

libjpeg paints grey where data are missing and goes on, and Pillow does not report its warnings.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops

from processing.pipeline import refusals

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
RESTARTS = re.compile(rb"\xff([\xd0-\xd7])")
START_OF_SCAN, END_OF_IMAGE, RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
LOSSLESS, HIERARCHICAL, JPEG_LS = {0xC3, 0xCB}, {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}, 0xF7
PROGRESSIVE = {0xC2, 0xCA}
# After a scan may follow (table B.1): tables, another scan, DNL, comments, application segments, the end.
LAWFUL = {0xC4, 0xCC, END_OF_IMAGE, START_OF_SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
CYCLE = bytes(range(0xD0, 0xD8))
GREY, CORNER = 128, 4
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
    """

    start: int
    components: tuple[int, ...]
    band: range
    low: int
    interval: int


@contextmanager
def mapped(file: BinaryIO) -> Iterator[Data]:
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
    for marker, content, _ in _segments(data):
        if marker == RESTART_INTERVAL:
            interval = int.from_bytes(data[content : content + 2])
        if marker == START_OF_SCAN:
            at = content - 4
            break
    while at is not None:
        if data[at + 1] == RESTART_INTERVAL:
            interval = int.from_bytes(data[at + 4 : at + 6])
        if data[at + 1] == START_OF_SCAN:
            yield _scan(data, at, interval)
        found = MARKER.search(data, _behind(data, at))
        at = found.start() if found and data[found.start() + 1] in LAWFUL - {END_OF_IMAGE} else None


def is_sound(data: Data) -> bool:
    """Whether restarts are in order, nothing stands in a scan that cannot be there, and an end marker follows the last."""
    at = last = first_scan(data)
    try:
        while at is not None:
            last, at = at, _next_scan(data, at)
    except refusals.Broken:
        return False
    return last is None or MARKER.search(data, last) is not None


def check_data(data: Data) -> None:
    """Refuses a JPEG with anything in its scans that cannot be there, or with restarts out of order."""
    at = first_scan(data)
    while at is not None:
        at = _next_scan(data, at)


def check_end(image: Image.Image, source: Path) -> None:
    """Refuses a picture that was cut and then closed properly, as a faulty copy can leave it.

    What is missing decodes as medium grey. If the last corner is that, data put before the end of the image
    tell: a complete scan ignores them, an incomplete one turns them into picture.
    """
    if not _ends_grey(image):
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        longer = _lengthened(data)
    if longer is not None and ImageChops.difference(image, _decoded(longer, image)).getbbox():
        raise refusals.Truncated


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


def _scan(data: Data, at: int, interval: int) -> Scan:
    """`at` is where its marker stands."""
    start = _behind(data, at)
    header = data[at + 4 : start]
    count = header[0] if header else 0
    tail = header[1 + 2 * count : 4 + 2 * count].ljust(3, b"\0")
    return Scan(start, tuple(header[1 : 1 + 2 * count : 2]), range(tail[0], tail[1] + 1), tail[2] & 15, interval)


def _behind(data: Data, at: int) -> int:
    return at + 2 + int.from_bytes(data[at + 2 : at + 4])


def _next_scan(data: Data, at: int) -> int | None:
    """Checks one scan; None behind the last. That the end is missing is not looked at."""
    found = MARKER.search(data, at)
    end = found.start() if found else len(data)
    restarts = b"".join(RESTARTS.findall(data, at, end))
    if restarts != (CYCLE * (len(restarts) // 8 + 1))[: len(restarts)]:
        raise refusals.Broken
    if not found or data[end + 1] == END_OF_IMAGE:
        return None
    if data[end + 1] not in LAWFUL:
        raise refusals.Broken
    return _behind(data, end)


def _lengthened(data: Data) -> bytes | None:
    """The file with more entropy-coded data in its only scan; None when it has several."""
    start = first_scan(data)
    found = MARKER.search(data, start) if start is not None else None
    if not found or data[found.start() + 1] != END_OF_IMAGE:
        return None
    return data[: found.start()] + FILLER + data[found.start() :]


def _decoded(data: bytes, like: Image.Image) -> Image.Image:
    with Image.open(BytesIO(data), formats=("JPEG",)) as image:
        image.draft(None, like.size)
        image.load()
        return image


def _ends_grey(image: Image.Image) -> bool:
    width, height = image.size
    corner = image.crop((max(0, width - CORNER), max(0, height - CORNER), width, height))
    return image.mode in ("L", "RGB") and all(band.getextrema() == (GREY, GREY) for band in corner.split())
