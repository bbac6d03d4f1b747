"""The samples of a TIFF that Pillow does not read, strip by strip or tile by tile (TIFF 6.0, Adobe's Technical Note 3)."""

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
BIG = 43
HORIZONTAL, FLOATING = 2, 3
"""Predictors."""

Samples = np.ndarray[Any, Any]
"""32-bit floating point: rows, columns, channels."""


def directory(file: BinaryIO) -> Directory:
    """The first one."""
    file.seek(0)
    head = file.read(8)
    found = Directory(head + file.read(8) if head[2] == BIG else head)
    file.seek(found.next)
    found.load(file)
    return found


def read(file: BinaryIO, directory: Directory, kind: str) -> Samples:
    """Height x width x channels. `kind` is NumPy's letter for floating (f) or whole numbers without a sign (u)."""
    width, height, channels = int(directory[WIDTH]), int(directory[HEIGHT]), int(directory.get(CHANNELS, 1))
    planes = channels if directory.get(PLANAR, 1) == 2 else 1
    each = channels // planes
    samples = np.zeros((height, width, channels), np.float32)
    for number, (top, left, part) in enumerate(_parts(file, directory, each, kind)):
        plane = number * planes // _count(directory)
        rows, columns = min(part.shape[0], height - top), min(part.shape[1], width - left)
        samples[top : top + rows, left : left + columns, plane : plane + each] = part[:rows, :columns]
    return samples


def _parts(file: BinaryIO, directory: Directory, channels: int, kind: str) -> Iterator[tuple[int, int, Samples]]:
    """Each strip or tile with its place; those of a further plane begin at the top again."""
    width, height = int(directory[WIDTH]), int(directory[HEIGHT])
    offsets = TILES if TILES in directory else STRIPS
    part_width, part_height = part(directory)
    across, down = -(-width // part_width), -(-height // part_height)
    for number, (at, length) in enumerate(zip(directory[offsets], directory[COUNTS[offsets]], strict=True)):
        row, column = divmod(number % (across * down), across)
        rows = part_height if offsets == TILES else min(part_height, height - row * part_height)
        file.seek(at)
        row_bytes = part_width * channels * directory[BITS][0] // 8
        content = tiff_compression.unpacked(
            file.read(length), directory.get(COMPRESSION, tiff_compression.NONE), row_bytes, rows
        )
        yield row * part_height, column * part_width, _numbers(content, directory, kind, (rows, part_width, channels))


def part(directory: Directory) -> tuple[int, int]:
    """Width and height of a tile, or of all strips but the last."""
    if TILES in directory:
        return int(directory[TILE_WIDTH]), int(directory[TILE_HEIGHT])
    height = int(directory[HEIGHT])
    return int(directory[WIDTH]), min(int(directory.get(ROWS_PER_STRIP, height)), height)


def _count(directory: Directory) -> int:
    return len(directory[TILES if TILES in directory else STRIPS])


def _numbers(content: bytes, directory: Directory, kind: str, shape: tuple[int, int, int]) -> Samples:
    width, predictor = directory[BITS][0] // 8, directory.get(PREDICTOR, 1)
    if predictor != FLOATING:
        order = "<" if directory.prefix == b"II" else ">"
        if predictor == HORIZONTAL:  # differences of the numbers' bits, taken for whole numbers (TIFF 6.0, section 14)
            wholes = np.frombuffer(content, f"{order}u{width}").reshape(shape)
            content = np.cumsum(wholes, axis=1, dtype=f"u{width}").astype(f"{order}u{width}").tobytes()
        return np.frombuffer(content, f"{order}{kind}{width}").reshape(shape).astype(np.float32)
    # Technical Note 3: a row's bytes are differences, first all the highest bytes, then the next.
    height, _, channels = shape
    rows = np.frombuffer(content, np.uint8).reshape(height, -1, channels)
    summed: Samples = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(height, width, -1)
    return np.ascontiguousarray(summed.transpose(0, 2, 1)).view(f">f{width}").reshape(shape).astype(np.float32)
