"""TIFFs of floating-point samples: light, without a bound, as HDR programs write it.

Pillow reads them only in grey, so their strips and tiles are read here (TIFF 6.0 and Adobe's Technical Note 3). Numbers are taken
for linear light unless a profile says otherwise; what is brighter than 1 is rolled off like any HDR picture (see `spaces`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

from processing.pipeline import colour, deep, icc, limits, orientation, packing, refusals, spaces
from processing.pipeline.metadata import camera_raw
from processing.pipeline.opened import Opened
from processing.pipeline.recipe import Limits

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, CHANNELS, PREDICTOR, PROFILE = (
    256, 257, 258, 259, 262, 274, 277, 317, 34675,
)  # fmt: skip
STRIPS, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES = 273, 278, 284, 322, 323, 324
COUNTS = {STRIPS: 279, TILES: 325}
HORIZONTAL, FLOATING = 2, 3
"""Predictors."""
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
BYTES_PER_PIXEL = 20
PROBES = 1_000_000
SCENE_PEAK = 64.0
"""Brighter than that, numbers are no share of paper white but some other count, and are scaled to it."""

Samples = np.ndarray[Any, Any]
"""32-bit floating point: rows, columns, channels."""


def opened(file: BinaryIO, bounds: Limits) -> Opened:
    directory = _directory(file)
    size = int(directory[WIDTH]), int(directory[HEIGHT])
    for each in (size, _part(directory)):  # a tile may be larger than its picture, and as large as it says
        limits.check_floating(each, BYTES_PER_PIXEL, bounds)
    image = _shown(_samples(file, directory), directory)
    turn = orientation.TURNS.get(int(directory.get(ORIENTATION, 1)))
    return Opened(image, "TIFF", camera_raw.of_tiff(file), turn)


def _directory(file: BinaryIO) -> Directory:
    file.seek(0)
    directory = Directory(file.read(8))
    file.seek(directory.next)
    directory.load(file)
    bits, compression = set(directory[BITS]), directory.get(COMPRESSION, packing.NONE)
    if bits not in ({16}, {32}) or directory.get(CHANNELS, 1) not in (1, 3, 4):
        raise refusals.UnsupportedDepth("floating-point numbers of an unusual kind")
    if directory.get(PHOTOMETRIC, BLACK_IS_ZERO) not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        raise refusals.UnsupportedDepth("floating-point numbers that are no red, green and blue")
    if compression not in packing.KNOWN:
        raise refusals.UnsupportedDepth("floating-point numbers in a packing that is neither ZIP nor LZW")
    return directory


def _samples(file: BinaryIO, directory: Directory) -> Samples:
    """Height x width x channels; an unknown or infinite number is no light."""
    width, height, channels = int(directory[WIDTH]), int(directory[HEIGHT]), int(directory.get(CHANNELS, 1))
    planes = channels if directory.get(PLANAR, 1) == 2 else 1
    each = channels // planes
    samples = np.zeros((height, width, channels), np.float32)
    for number, (top, left, part) in enumerate(_parts(file, directory, each)):
        plane = number * planes // _count(directory)
        rows, columns = min(part.shape[0], height - top), min(part.shape[1], width - left)
        samples[top : top + rows, left : left + columns, plane : plane + each] = part[:rows, :columns]
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return samples.max() - samples if directory.get(PHOTOMETRIC) == WHITE_IS_ZERO else samples


def _parts(file: BinaryIO, directory: Directory, channels: int) -> Iterator[tuple[int, int, Samples]]:
    """Each strip or tile with its place; those of a further plane begin at the top again."""
    width, height = int(directory[WIDTH]), int(directory[HEIGHT])
    offsets = TILES if TILES in directory else STRIPS
    part_width, part_height = _part(directory)
    across, down = -(-width // part_width), -(-height // part_height)
    for number, (at, length) in enumerate(zip(directory[offsets], directory[COUNTS[offsets]], strict=True)):
        row, column = divmod(number % (across * down), across)
        rows = part_height if offsets == TILES else min(part_height, height - row * part_height)
        file.seek(at)
        row_bytes = part_width * channels * directory[BITS][0] // 8
        content = packing.unpacked(file.read(length), directory.get(COMPRESSION, packing.NONE), row_bytes, rows)
        yield row * part_height, column * part_width, _numbers(content, directory, (rows, part_width, channels))


def _part(directory: Directory) -> tuple[int, int]:
    """Width and height of a tile, or of all strips but the last."""
    if TILES in directory:
        return int(directory[TILE_WIDTH]), int(directory[TILE_HEIGHT])
    height = int(directory[HEIGHT])
    return int(directory[WIDTH]), min(int(directory.get(ROWS_PER_STRIP, height)), height)


def _count(directory: Directory) -> int:
    return len(directory[TILES if TILES in directory else STRIPS])


def _numbers(content: bytes, directory: Directory, shape: tuple[int, int, int]) -> Samples:
    width, predictor = directory[BITS][0] // 8, directory.get(PREDICTOR, 1)
    if predictor != FLOATING:
        order = "<" if directory.prefix == b"II" else ">"
        if predictor == HORIZONTAL:  # differences of the numbers' bits, taken for whole numbers (TIFF 6.0, section 14)
            wholes = np.frombuffer(content, f"{order}u{width}").reshape(shape)
            content = np.cumsum(wholes, axis=1, dtype=f"u{width}").astype(f"{order}u{width}").tobytes()
        return np.frombuffer(content, f"{order}f{width}").reshape(shape).astype(np.float32)
    # Technical Note 3: a row's bytes are differences, first all the highest bytes, then the next.
    height, _, channels = shape
    rows = np.frombuffer(content, np.uint8).reshape(height, -1, channels)
    summed: Samples = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(height, width, -1)
    return np.ascontiguousarray(summed.transpose(0, 2, 1)).view(f">f{width}").reshape(shape).astype(np.float32)


def _shown(samples: Samples, directory: Directory) -> Image.Image:
    colours = samples[..., :3] if samples.shape[2] >= 3 else samples[..., 0]
    profile, peak = _profile(directory, colours.ndim), _peak(colours)
    shown = np.empty(colours.shape, np.uint8)
    for top in range(0, len(shown), deep.ROWS):
        light = _light(colours[top : top + deep.ROWS], profile)
        shown[top : top + deep.ROWS] = deep.encoded(_toned(light, peak))
    image = Image.fromarray(shown)
    if samples.shape[2] == 4:
        image.putalpha(Image.fromarray(np.round(np.clip(samples[..., 3], 0, 1) * 255).astype(np.uint8)))
    return image


def _profile(directory: Directory, dimensions: int) -> icc.Profile | None:
    content = directory.get(PROFILE)
    try:
        profile = icc.parsed(content) if colour.is_profile(content) else None
    except icc.NotOfThisKind:
        return None
    return profile if profile and (profile.matrix is None) == (dimensions == 2) else None


def _light(samples: Samples, profile: icc.Profile | None) -> Samples:
    """Linear sRGB. A profile's curve ends at 1; beyond it, numbers are light."""
    if profile is None:
        return samples
    places = np.linspace(0, 1, profile.curves[0].size)
    channels = np.atleast_3d(samples)
    turned = [np.interp(channels[..., n], places, curve) for n, curve in enumerate(profile.curves)]
    light = np.where(channels > 1, channels, np.stack(turned, -1))
    return light @ profile.matrix.T if profile.matrix is not None else light[..., 0]


def _peak(colours: Samples) -> float:
    """The brightest light but for a thousandth of the picture, which glints and broken cells may exceed."""
    flat = colours.reshape(-1)
    return float(np.percentile(flat[:: max(1, flat.size // PROBES)], 99.9))


def _toned(light: Samples, peak: float) -> Samples:
    if peak > SCENE_PEAK:
        light, peak = light / np.float32(peak), 1.0
    if peak <= 1:
        return light
    places = np.linspace(0, np.sqrt(peak), spaces.POINTS) ** 2
    tones = [spaces.toned(float(place), peak) for place in places]
    return np.interp(light, places, tones).astype(np.float32)
