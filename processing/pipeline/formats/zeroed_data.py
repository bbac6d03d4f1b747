"""Detects holes of zeros in the coded data of HEIC, AVIF and WebP pictures, which decoders accept without an error.

An interrupted copy into a file that was allocated at full size leaves zeros, which libheif shows as green tiles. HEVC data
consists of NAL units, each after its length (ISO/IEC 14496-15, 4.3), with at most two zeros in a row (ISO/IEC 23008-2, 7.4.2).
AV1 data never has many zeros in a row either. VP8 data may: 1,160 for a flat picture of 12 MP, where HEIC and AVIF have seven.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import BinaryIO

from processing.pipeline import errors, memory_limits
from processing.pipeline.containers import heif_items, isobmff

HOLE = 256
"""Half a disk sector, in bytes."""
WEBP_HOLE, WEBP_PIXELS_PER_ZERO = 4096, 5000
"""A hole in lossy WebP: at least so many zeros, and at least one zero per so many pixels."""
CODED = {"hvc1", "hev1", "av01"}
NAL = {"hvc1", "hev1"}
SLICE_TYPES = range(32)
"""The types of NAL units with pixels (table 7-1)."""
MAX_BYTES = 256 * 1024 * 1024
MAX_CHUNKS = 100_000


def check(file: BinaryIO, kind: str) -> None:
    """Raises Broken if the main picture has a hole. Thumbnails and gain maps are not checked."""
    if kind in ("HEIF", "AVIF"):
        _check_items(file)
    elif kind == "WEBP":
        _check_webp(file)


def _check_items(file: BinaryIO) -> None:
    length = _length_bytes(file)
    for item in heif_items.main_items(file):
        if item.coding not in CODED or sum(size for _, size in item.extents) > MAX_BYTES:
            continue
        content = b"".join(_read(file, offset, size) for offset, size in item.extents)
        if content and (
            bytes(HOLE) in content or not content.strip(b"\0") or not _has_slices(item.coding, content, length)
        ):
            raise errors.Broken


def _has_slices(coding: str, content: bytes, length: int) -> bool:
    """True if the content is a complete chain of NAL units with pixels in at least one. Always True for AV1, which has none."""
    if coding not in NAL:
        return True
    offset, has_pixels = 0, False
    while offset + length < len(content):
        size = int.from_bytes(content[offset : offset + length])
        if not size and has_pixels and not content[offset:].strip(b"\0"):
            break  # padding
        start = offset + length
        if not size or start + size > len(content) or content[start] & 0x80:
            return False
        has_pixels = has_pixels or content[start] >> 1 in SLICE_TYPES
        offset = start + size
    return has_pixels


def _length_bytes(file: BinaryIO) -> int:
    """The size in bytes of the length before each NAL unit (`lengthSizeMinusOne` in hvcC)."""
    for box in isobmff.find_boxes(file, b"meta", b"iprp", b"ipco", b"hvcC"):
        content = isobmff.body(file, box, 22)
        if len(content) == 22:
            return (content[21] & 3) + 1
    return 4


def _check_webp(file: BinaryIO) -> None:
    width, height = memory_limits.webp_size(file)
    hole = bytes(max(WEBP_HOLE, width * height // WEBP_PIXELS_PER_ZERO))
    file.seek(0)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for offset, length in _lossy_chunks(data, 12, len(data)):
            if data.find(hole, offset, offset + length) >= 0:
                raise errors.Broken


def _lossy_chunks(data: mmap.mmap, offset: int, end: int) -> Iterator[tuple[int, int]]:
    """Offset and length of the chunks with lossy pixels of each frame (RFC 9649, section 2.7)."""
    for _ in range(MAX_CHUNKS):
        if offset + 8 > end:
            return
        kind, length = struct.unpack("<4sI", data[offset : offset + 8])
        if kind == b"VP8 ":
            yield offset + 8, length
        if kind == b"ANMF":
            yield from _lossy_chunks(data, offset + 24, min(end, offset + 8 + length))
        offset += 8 + length + length % 2


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
