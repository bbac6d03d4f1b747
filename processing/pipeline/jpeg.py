"""What libjpeg passes over in silence: damaged and cut scans (ITU-T T.81).

libjpeg paints grey where data are missing and goes on, and Pillow does not report its warnings.
"""

from __future__ import annotations

import mmap
import re
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops

from processing.pipeline import refusals

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
RESTARTS = re.compile(rb"\xff([\xd0-\xd7])")
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
# After a scan may follow (table B.1): tables, another scan, DNL, comments, application segments, the end.
LAWFUL = {0xC4, 0xCC, END_OF_IMAGE, START_OF_SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
CYCLE = bytes(range(0xD0, 0xD8))
GREY, CORNER = 128, 4
Data = mmap.mmap | bytes
FILLER = b"\x5a\x31\xc6\x2d" * 64


def check_scans(file: BinaryIO) -> None:
    """Refuses a file with anything in its scans that cannot be there, or with restarts out of order."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check_data(data)


def check_data(data: Data) -> None:
    """The same of a JPEG that is a part of another file."""
    at = _first_scan(data)
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


def _first_scan(data: Data) -> int | None:
    """Where the entropy-coded data begin; junk between the segments is skipped, as decoders do."""
    at = data.find(b"\xff", 2)
    while 0 <= at < len(data) - 4:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == START_OF_SCAN:
            return at + 2 + length
        is_bare = marker in (0x00, 0x01, 0xFF, 0xD8) or marker in CYCLE
        at = data.find(b"\xff", at + (1 if is_bare else 2 + length))
    return None


def _next_scan(data: Data, at: int) -> int | None:
    """Checks one scan; None behind the last. That the end is missing is for the decoder to say."""
    found = MARKER.search(data, at)
    end = found.start() if found else len(data)
    restarts = b"".join(RESTARTS.findall(data, at, end))
    if restarts != (CYCLE * (len(restarts) // 8 + 1))[: len(restarts)]:
        raise refusals.Broken
    if not found or data[end + 1] == END_OF_IMAGE:
        return None
    if data[end + 1] not in LAWFUL:
        raise refusals.Broken
    return end + 2 + int.from_bytes(data[end + 2 : end + 4])


def _lengthened(data: Data) -> bytes | None:
    """The file with more entropy-coded data in its only scan; None when it has several."""
    start = _first_scan(data)
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
