"""Bands of a PNG (PNG 3, sections 9 and 10): its one zlib stream is unpacked as far as a band goes.

A row's filter looks at the row above. So each band begins with the last row of the one before, unfiltered; and to know that
row's bytes, filters are undone on bytes alone: Pillow undoes them for a picture whose pixels have as many bytes as these.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageFile

from processing.pipeline import errors, orientation
from processing.pipeline.containers import png_chunks

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
BYTEWISE = {1: 0, 2: 4, 3: 2, 4: 6}
"""The colour type whose pixels of eight bits a channel have so many bytes."""
PIECE = 1 << 16
KEPT = (b"PLTE", b"tRNS")


@dataclass(frozen=True, slots=True)
class Source:
    file: BinaryIO
    size: tuple[int, int]
    head: bytes
    """IHDR behind width and height."""
    chunks: bytes
    """Palette and transparency, as they stand in the file."""
    rows: int
    turn: Image.Transpose | None

    @property
    def _pixel_bytes(self) -> int:
        return max(1, self.head[0] * CHANNELS[self.head[1]] // 8)

    @property
    def _row_bytes(self) -> int:
        return -(-self.size[0] * self.head[0] * CHANNELS[self.head[1]] // 8)

    @property
    def band_bytes(self) -> int:
        return self.rows * max(self._row_bytes, 4 * self.size[0])

    def bands(self) -> Iterator[Image.Image]:
        above, left, stream = bytes(self._row_bytes), self.size[1], _Rows(self.file, 1 + self._row_bytes)
        while left:
            count = min(self.rows, left)
            filtered = b"\0" + above + stream.take(count)
            rows = self._unfiltered(filtered, count + 1)
            above = rows[-self._row_bytes :]
            yield self._opened(rows[self._row_bytes :], count)
            left -= count

    def _unfiltered(self, filtered: bytes, count: int) -> bytes:
        each = self._pixel_bytes
        if each in BYTEWISE:
            head = struct.pack(">II5B", self._row_bytes // each, count, 8, BYTEWISE[each], 0, 0, 0)
            with Image.open(BytesIO(_png(head, b"", filtered)), formats=("PNG",)) as image:
                return image.tobytes()
        return _joined(struct.pack(">II5B", self.size[0], count, 16, self.head[1], 0, 0, 0), filtered)

    def _opened(self, rows: bytes, count: int) -> Image.Image:
        width = self._row_bytes
        plain = b"".join(b"\0" + rows[at : at + width] for at in range(0, len(rows), width))
        head = struct.pack(">II", self.size[0], count) + self.head
        with Image.open(BytesIO(_png(head, self.chunks, plain)), formats=("PNG",)) as image:
            image.load()
            return image


class _Rows:
    """The unpacked rows of the file's IDAT chunks, a few at a time."""

    def __init__(self, file: BinaryIO, row_bytes: int) -> None:
        self._row_bytes, self._unpacker = row_bytes, zlib.decompressobj()
        self._pieces = _pixel_data(file)

    def take(self, count: int) -> bytes:
        wanted, parts = count * self._row_bytes, []
        while wanted:
            packed = self._unpacker.unconsumed_tail or next(self._pieces, None)
            if packed is None:
                raise errors.Truncated
            part = self._unpacker.decompress(packed, wanted)
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)


def source(image: ImageFile.ImageFile, file: BinaryIO, rows: int) -> Source | None:
    head = b""
    chunks = b""
    for kind, at, length in png_chunks.chunks(file):
        if kind == b"IDAT":
            break
        if kind == b"IHDR":
            head = png_chunks.read(file, at, 13)
        elif kind in KEPT:
            chunks += png_chunks.chunk(kind, png_chunks.read(file, at, min(length, 1024)))
    if len(head) < 13 or head[12]:
        return None
    return Source(file, struct.unpack(">II", head[:8]), head[8:], chunks, rows, orientation.turn(image))


def _pixel_data(file: BinaryIO) -> Iterator[bytes]:
    for kind, at, length in png_chunks.chunks(file):
        if kind == b"IDAT":
            for begin in range(at, at + length, PIECE):
                yield png_chunks.read(file, begin, min(PIECE, at + length - begin))


def _joined(head: bytes, filtered: bytes) -> bytes:
    """Unfiltered rows of sixteen bits a sample: Pillow gives the upper bytes, and the lower ones when it takes them for these."""
    import numpy as np

    from processing.pipeline.colour import bit_depth

    halves = []
    for is_low in (False, True):
        with Image.open(BytesIO(_png(head, b"", filtered)), formats=("PNG",)) as image:
            if is_low:
                image.tile = [bit_depth.turned(tile) for tile in image.tile]
            halves.append(np.asarray(image))
    return np.stack(halves, -1).tobytes()


def _png(head: bytes, chunks: bytes, rows: bytes) -> bytes:
    """Stored, not packed: it is read once, at once."""
    data = zlib.compress(rows, 0)
    return (
        png_chunks.SIGNATURE
        + png_chunks.chunk(b"IHDR", head)
        + chunks
        + png_chunks.chunk(b"IDAT", data)
        + png_chunks.chunk(b"IEND", b"")
    )
