"""Reads the samples of TIFFs that Pillow cannot read, by strip or tile (TIFF 6.0, Adobe's Technical Note 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

from processing.pipeline.containers import tiff_compression

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, CHANNELS, PREDICTOR, PROFILE = (
    256, 257, 258, 259, 262, 274, 277, 317, 34675,
)  # fmt: skip
STRIPS, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES = 273, 278, 284, 322, 323, 324
COUNTS = {STRIPS: 279, TILES: 325}
BIG_TIFF = 43
HORIZONTAL_PREDICTOR, FLOAT_PREDICTOR = 2, 3
"""Predictors."""

Samples = np.ndarray[Any, Any]
"""32-bit floating point: rows, columns, channels."""


def directory(file: BinaryIO) -> Directory:
    """The first directory of the file."""
    file.seek(0)
    head = file.read(8)
    tags = Directory(head + file.read(8) if head[2] == BIG_TIFF else head)
    file.seek(tags.next)
    tags.load(file)
    return tags


def read(file: BinaryIO, directory: Directory, kind: str) -> Samples:
    """An array of height x width x channels. `kind` is NumPy's letter for floats (f) or unsigned integers (u)."""
    width, height, channels = int(directory[WIDTH]), int(directory[HEIGHT]), int(directory.get(CHANNELS, 1))
    planes = channels if directory.get(PLANAR, 1) == 2 else 1
    plane_channels = channels // planes
    samples = np.zeros((height, width, channels), np.float32)
    for number, (top, left, part) in enumerate(_parts(file, directory, plane_channels, kind)):
        plane = number * planes // _part_count(directory)
        rows, columns = min(part.shape[0], height - top), min(part.shape[1], width - left)
        samples[top : top + rows, left : left + columns, plane : plane + plane_channels] = part[:rows, :columns]
    return samples


def _parts(file: BinaryIO, directory: Directory, channels: int, kind: str) -> Iterator[tuple[int, int, Samples]]:
    """Top, left and samples of each strip or tile. The second and later planes start at the top again."""
    width, height = int(directory[WIDTH]), int(directory[HEIGHT])
    offsets = TILES if TILES in directory else STRIPS
    part_width, part_height = part_size(directory)
    across, down = -(-width // part_width), -(-height // part_height)
    for number, (offset, length) in enumerate(zip(directory[offsets], directory[COUNTS[offsets]], strict=True)):
        row, column = divmod(number % (across * down), across)
        rows = part_height if offsets == TILES else min(part_height, height - row * part_height)
        file.seek(offset)
        row_bytes = part_width * channels * directory[BITS][0] // 8
        content = tiff_compression.decompress(
            file.read(length), directory.get(COMPRESSION, tiff_compression.NONE), row_bytes, rows
        )
        yield row * part_height, column * part_width, _decoded(content, directory, kind, (rows, part_width, channels))


def part_size(directory: Directory) -> tuple[int, int]:
    """Width and height of a tile, or of any strip except the last."""
    if TILES in directory:
        return int(directory[TILE_WIDTH]), int(directory[TILE_HEIGHT])
    height = int(directory[HEIGHT])
    return int(directory[WIDTH]), min(int(directory.get(ROWS_PER_STRIP, height)), height)


def _part_count(directory: Directory) -> int:
    return len(directory[TILES if TILES in directory else STRIPS])


def _decoded(content: bytes, directory: Directory, kind: str, shape: tuple[int, int, int]) -> Samples:
    width, predictor = directory[BITS][0] // 8, directory.get(PREDICTOR, 1)
    if predictor != FLOAT_PREDICTOR:
        order = "<" if directory.prefix == b"II" else ">"
        if predictor == HORIZONTAL_PREDICTOR:  # differences of the samples' bits as integers (TIFF 6.0, section 14)
            integers = np.frombuffer(content, f"{order}u{width}").reshape(shape)
            content = np.cumsum(integers, axis=1, dtype=f"u{width}").astype(f"{order}u{width}").tobytes()
        return np.frombuffer(content, f"{order}{kind}{width}").reshape(shape).astype(np.float32)
    # Technical Note 3: a row has first the highest bytes of all samples, then the next; each byte is a difference.
    height, _, channels = shape
    rows = np.frombuffer(content, np.uint8).reshape(height, -1, channels)
    bytes_by_rank: Samples = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(height, width, -1)
    return np.ascontiguousarray(bytes_by_rank.transpose(0, 2, 1)).view(f">f{width}").reshape(shape).astype(np.float32)
