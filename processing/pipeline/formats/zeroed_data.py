"""Holes in the coded data of HEIC, AVIF and WebP pictures, which their decoders paint over in silence.

An interrupted copy into a file of full size leaves zeros; libheif shows them as green tiles. HEVC has its data in NAL units, each
behind its length (ISO/IEC 14496-15, 4.3), and forbids more than two zeros in a row in them (ISO/IEC 23008-2, 7.4.2). What AV1's
coder writes never has many. VP8's has: 1,160 of a flat picture of 12 MP, where HEIC and AVIF have seven.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import BinaryIO

from processing.pipeline import errors, memory_limits
from processing.pipeline.containers import heif_items, isobmff

HOLE = 256
"""Half a sector, in bytes."""
WEBP_HOLE, PIXELS_A_ZERO = 4096, 5000
"""In lossy WebP: so many zeros, and more than one for so many pixels."""
CODED = {"hvc1", "hev1", "av01"}
NAL = {"hvc1", "hev1"}
SLICES = range(32)
"""Types of NAL units that hold pixels (table 7-1)."""
MOST_BYTES = 256 * 1024 * 1024
MOST_CHUNKS = 100_000


def check(file: BinaryIO, kind: str) -> None:
    """Raises Broken when the shown picture has a hole. Thumbnails and gain maps are not looked at."""
    if kind in ("HEIF", "AVIF"):
        _check_items(file)
    elif kind == "WEBP":
        _check_webp(file)


def _check_items(file: BinaryIO) -> None:
    length = _length_bytes(file)
    for item in heif_items.shown(file):
        if item.coding not in CODED or sum(size for _, size in item.extents) > MOST_BYTES:
            continue
        content = b"".join(_read(file, at, size) for at, size in item.extents)
        if content and (
            bytes(HOLE) in content or not content.strip(b"\0") or not _has_slices(item.coding, content, length)
        ):
            raise errors.Broken


def _has_slices(coding: str, content: bytes, length: int) -> bool:
    """Whether it is a chain of NAL units up to its end, with pixels in one of them; True of AV1, which has no such."""
    if coding not in NAL:
        return True
    at, found = 0, False
    while at + length < len(content):
        size = int.from_bytes(content[at : at + length])
        if not size and found and not content[at:].strip(b"\0"):
            break  # padding
        start = at + length
        if not size or start + size > len(content) or content[start] & 0x80:
            return False
        found = found or content[start] >> 1 in SLICES
        at = start + size
    return found


def _length_bytes(file: BinaryIO) -> int:
    """How many bytes the length of a NAL unit takes (`lengthSizeMinusOne` of hvcC)."""
    for box in isobmff.found(file, b"meta", b"iprp", b"ipco", b"hvcC"):
        content = isobmff.body(file, box, 22)
        if len(content) == 22:
            return (content[21] & 3) + 1
    return 4


def _check_webp(file: BinaryIO) -> None:
    width, height = memory_limits.webp_size(file)
    hole = bytes(max(WEBP_HOLE, width * height // PIXELS_A_ZERO))
    file.seek(0)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for at, length in _lossy(data, 12, len(data)):
            if data.find(hole, at, at + length) >= 0:
                raise errors.Broken


def _lossy(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Place and length of the chunks with lossy pixels, of each frame (RFC 9649, section 2.7)."""
    for _ in range(MOST_CHUNKS):
        if at + 8 > end:
            return
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        if kind == b"VP8 ":
            yield at + 8, length
        if kind == b"ANMF":
            yield from _lossy(data, at + 24, min(end, at + 8 + length))
        at += 8 + length + length % 2


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
