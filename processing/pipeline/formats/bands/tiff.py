"""Bands of a TIFF: files with some of its strips or rows of tiles, and a directory of their own (TIFF 6.0).

With every compression, each strip or tile is compressed separately. Uncompressed ones can be cut between any two rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from processing.pipeline import errors, orientation

WIDTH, HEIGHT, BITS, COMPRESSION, ORIENTATION, CHANNELS, PLANAR = 256, 257, 258, 259, 274, 277, 284
STRIPS, ROWS_PER_STRIP, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 273, 278, 279, 322, 323, 324, 325
KEPT_TAGS = (
    WIDTH, BITS, COMPRESSION, 262, 266, CHANNELS, PLANAR, 292, 293, 317, 320, TILE_WIDTH, TILE_HEIGHT, 332, 338, 339, 347, 529,
    530, 531, 532,
)  # fmt: skip
"""The tags that describe how samples are stored and compressed."""
UNCOMPRESSED = 1
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
MAX_BAND_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """A strip or tile, or some rows of an uncompressed one."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of strips or tiles, in all columns, plane after plane. `height` is in pixels."""

    height: int
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class TiffSource:
    file: BinaryIO
    tags: Any
    size: tuple[int, int]
    part_rows: int
    parts: Sequence[Row]
    rows: int
    turn: Image.Transpose | None

    @property
    def _parts_per_band(self) -> int:
        return max(1, self.rows // self.part_rows)

    @property
    def band_bytes(self) -> int:
        """The size of a band when decompressed, or as Pillow holds it, whichever is larger."""
        samples = int(self.tags.get(CHANNELS, 1)) * int(max(self.tags.get(BITS, (1,))))
        return self._parts_per_band * self.part_rows * self.size[0] * max(4, samples // 8)

    def bands(self) -> Iterator[Image.Image]:
        for first in range(0, len(self.parts), self._parts_per_band):
            content = self._file_of(self.parts[first : first + self._parts_per_band])
            with Image.open(BytesIO(content), formats=("TIFF",)) as image:
                image.load()
                yield image

    def _file_of(self, rows: Sequence[Row]) -> bytes:
        """A TIFF with these rows. The order of its parts is by plane, then by row."""
        planes, height = _planes(self.tags), sum(row.height for row in rows)
        across = len(rows[0].spans) // planes
        ordered = [
            row.spans[plane * across + column] for plane in range(planes) for row in rows for column in range(across)
        ]
        contents = [self._content(piece) for piece in ordered]
        is_tiled = TILES in self.tags
        tags = {tag: self.tags[tag] for tag in KEPT_TAGS if tag in self.tags} | {HEIGHT: height}
        if not is_tiled:
            tags[ROWS_PER_STRIP] = self.part_rows if len(rows) > 1 else height
        counts = [len(content) for content in contents]
        data_tags = (TILES, TILE_BYTES) if is_tiled else (STRIPS, STRIP_BYTES)
        return _head(self.tags.prefix, tags, data_tags, counts) + b"".join(contents)

    def _content(self, piece: Span) -> bytes:
        self.file.seek(piece.offset)
        content = self.file.read(piece.length)
        if len(content) < piece.length:
            raise errors.Truncated
        return content


def source(image: ImageFile.ImageFile, file: BinaryIO, rows: int) -> TiffSource | None:
    """The source of bands; None if one row of parts is too large for memory, or if their number does not fit the size."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    size, planes = (int(tags[WIDTH]), int(tags[HEIGHT])), _planes(tags)
    is_tiled = TILES in tags
    across = -(-size[0] // int(tags[TILE_WIDTH])) if is_tiled else 1
    part_rows = int(tags[TILE_HEIGHT]) if is_tiled else min(int(tags.get(ROWS_PER_STRIP, size[1])), size[1])
    data_tags = (TILES, TILE_BYTES) if is_tiled else (STRIPS, STRIP_BYTES)
    pieces = [Span(*span) for span in zip(*(tags[tag] for tag in data_tags), strict=True)]
    down = -(-size[1] // part_rows)
    if len(pieces) != across * down * planes:
        return None
    parts = [
        Row(
            min(part_rows, size[1] - row * part_rows),
            [pieces[(plane * down + row) * across + column] for plane in range(planes) for column in range(across)],
        )
        for row in range(down)
    ]
    if not is_tiled and tags.get(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and part_rows > rows:
        parts, part_rows = [cut for row in parts for cut in _cut(row, _row_bytes(tags, size[0]), rows)], rows
    if part_rows * size[0] * 4 > MAX_BAND_BYTES:
        return None
    turn = orientation.TURNS.get(tags.get(ORIENTATION, 0)) or orientation.turn(image)
    return TiffSource(file, tags, size, part_rows, parts, rows, turn)


def _planes(tags: Any) -> int:
    return int(tags.get(CHANNELS, 1)) if tags.get(PLANAR, 1) == 2 else 1


def _row_bytes(tags: Any, width: int) -> int:
    """The bytes per row in one plane of an uncompressed strip."""
    bits, channels = tags.get(BITS, (1,)), int(tags.get(CHANNELS, 1))
    pixel_bits = int(bits[0] if _planes(tags) > 1 else sum(bits) if len(bits) == channels else bits[0] * channels)
    return -(-width * pixel_bits // 8)


def _cut(row: Row, row_bytes: int, rows: int) -> Iterator[Row]:
    for top in range(0, row.height, rows):
        count = min(rows, row.height - top)
        yield Row(count, [Span(piece.offset + top * row_bytes, count * row_bytes) for piece in row.spans])


def _head(prefix: bytes, tags: dict[int, Any], data_tags: tuple[int, int], counts: list[int]) -> bytes:
    """Header and directory. The data of the parts must follow immediately."""
    order = "<" if prefix == b"II" else ">"
    entries = {tag: _entry(value, order) for tag, value in tags.items()}
    entries[data_tags[1]] = LONG, len(counts), struct.pack(f"{order}{len(counts)}I", *counts)
    entries[data_tags[0]] = LONG, len(counts), bytes(4 * len(counts))
    values_offset = 8 + 2 + 12 * len(entries) + 4
    data_offset = values_offset + sum(len(raw) + len(raw) % 2 for _, _, raw in entries.values() if len(raw) > 4)
    offsets = [data_offset + sum(counts[:nth]) for nth in range(len(counts))]
    entries[data_tags[0]] = LONG, len(counts), struct.pack(f"{order}{len(counts)}I", *offsets)
    directory, values = b"", b""
    for tag, (kind, count, raw) in sorted(entries.items()):
        content = raw
        if len(raw) > 4:
            content = struct.pack(order + "I", values_offset + len(values))
            values += raw + bytes(len(raw) % 2)
        directory += struct.pack(order + "HHI", tag, kind, count) + content.ljust(4, b"\0")
    head = prefix + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", len(entries))
    return head + directory + bytes(4) + values


def _entry(value: Any, order: str) -> tuple[int, int, bytes]:
    if isinstance(value, bytes):
        return UNDEFINED, len(value), value
    numbers = value if isinstance(value, tuple) else (value,)
    if any(int(number) != number for number in numbers):
        pairs = [part for number in numbers for part in (round(float(number) * 10_000), 10_000)]
        return RATIONAL, len(numbers), struct.pack(f"{order}{len(pairs)}I", *pairs)
    kind, form = (SHORT, "H") if max(numbers) < 65_536 else (LONG, "I")
    return kind, len(numbers), struct.pack(f"{order}{len(numbers)}{form}", *map(int, numbers))
