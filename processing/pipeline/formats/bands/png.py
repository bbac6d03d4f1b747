"""Bands of a PNG (PNG 3, sections 9 and 10), whose single zlib stream is decompressed band by band.

A row's filter refers to the row above. So each band begins with the unfiltered last row of the band before. Filters work on
bytes, independently of the colour type. Pillow undoes them in a picture of 8-bit channels with as many bytes per pixel.
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
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""The colour type with 8-bit channels for a number of bytes per pixel."""
BLOCK_BYTES = 1 << 16
KEPT_CHUNKS = (b"PLTE", b"tRNS")


@dataclass(frozen=True, slots=True)
class PngSource:
    file: BinaryIO
    size: tuple[int, int]
    head: bytes
    """The content of IHDR after width and height."""
    chunks: bytes
    """The chunks with palette and transparency, unchanged."""
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
        above, remaining, stream = bytes(self._row_bytes), self.size[1], _RowReader(self.file, 1 + self._row_bytes)
        while remaining:
            row_count = min(self.rows, remaining)
            filtered = b"\0" + above + stream.take(row_count)
            rows = self._unfiltered(filtered, row_count + 1)
            above = rows[-self._row_bytes :]
            yield self._opened(rows[self._row_bytes :], row_count)
            remaining -= row_count

    def _unfiltered(self, filtered: bytes, count: int) -> bytes:
        pixel_bytes = self._pixel_bytes
        if pixel_bytes in COLOUR_TYPES:
            head = struct.pack(">II5B", self._row_bytes // pixel_bytes, count, 8, COLOUR_TYPES[pixel_bytes], 0, 0, 0)
            with Image.open(BytesIO(_png(head, b"", filtered)), formats=("PNG",)) as image:
                return image.tobytes()
        return _unfiltered_16_bit(struct.pack(">II5B", self.size[0], count, 16, self.head[1], 0, 0, 0), filtered)

    def _opened(self, rows: bytes, count: int) -> Image.Image:
        width = self._row_bytes
        unfiltered = b"".join(b"\0" + rows[offset : offset + width] for offset in range(0, len(rows), width))
        head = struct.pack(">II", self.size[0], count) + self.head
        with Image.open(BytesIO(_png(head, self.chunks, unfiltered)), formats=("PNG",)) as image:
            image.load()
            return image


class _RowReader:
    """Decompresses the rows in the file's IDAT chunks, a few at a time."""

    def __init__(self, file: BinaryIO, row_bytes: int) -> None:
        self._row_bytes, self._decompressor = row_bytes, zlib.decompressobj()
        self._blocks = _pixel_data(file)

    def take(self, count: int) -> bytes:
        remaining, parts = count * self._row_bytes, []
        while remaining:
            compressed = self._decompressor.unconsumed_tail or next(self._blocks, None)
            if compressed is None:
                raise errors.Truncated
            part = self._decompressor.decompress(compressed, remaining)
            parts.append(part)
            remaining -= len(part)
        return b"".join(parts)


def source(image: ImageFile.ImageFile, file: BinaryIO, rows: int) -> PngSource | None:
    head = b""
    chunks = b""
    for kind, offset, length in png_chunks.chunks(file):
        if kind == b"IDAT":
            break
        if kind == b"IHDR":
            head = png_chunks.read(file, offset, 13)
        elif kind in KEPT_CHUNKS:
            chunks += png_chunks.chunk(kind, png_chunks.read(file, offset, min(length, 1024)))
    if len(head) < 13 or head[12]:
        return None
    return PngSource(file, struct.unpack(">II", head[:8]), head[8:], chunks, rows, orientation.turn(image))


def _pixel_data(file: BinaryIO) -> Iterator[bytes]:
    for kind, offset, length in png_chunks.chunks(file):
        if kind == b"IDAT":
            for start in range(offset, offset + length, BLOCK_BYTES):
                yield png_chunks.read(file, start, min(BLOCK_BYTES, offset + length - start))


def _unfiltered_16_bit(head: bytes, filtered: bytes) -> bytes:
    """Unfiltered rows with 16 bits a sample.

    Pillow decodes only the upper bytes, so the rows are decoded twice, the second time with the bytes swapped.
    """
    import numpy as np

    from processing.pipeline.colour import bit_depth

    halves = []
    for is_low in (False, True):
        with Image.open(BytesIO(_png(head, b"", filtered)), formats=("PNG",)) as image:
            if is_low:
                image.tile = [bit_depth.byte_swapped(tile) for tile in image.tile]
            halves.append(np.asarray(image))
    return np.stack(halves, -1).tobytes()


def _png(head: bytes, chunks: bytes, rows: bytes) -> bytes:
    """A PNG with these rows, not compressed because it is read once and immediately."""
    data = zlib.compress(rows, 0)
    return (
        png_chunks.SIGNATURE
        + png_chunks.chunk(b"IHDR", head)
        + chunks
        + png_chunks.chunk(b"IDAT", data)
        + png_chunks.chunk(b"IEND", b"")
    )
