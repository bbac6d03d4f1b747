"""Opens PNG and TIFF pictures that are too large for memory: decodes bands of rows and reduces them by an integer factor.

As in a JPEG's draft mode, each pixel is the mean of a square of pixels, and the picture stays at least as large as the largest
rendition. Pillow opens each band as a small file of its own, so this package does not handle formats, compressions and colours.
16 bits a sample are reduced to eight. Not used for pictures that fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageFile

from processing.pipeline import error_mapping, memory_limits, orientation
from processing.pipeline.colour import bit_depth, modes
from processing.pipeline.formats.bands import png, tiff
from processing.pipeline.recipe import Limits

ROWS = 256
PREMULTIPLIED = {"RGBA": "RGBa", "LA": "La"}
UNPREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}
COPIES = 4
"""The copies of a band in memory while it is decompressed, opened, converted and joined with the remaining rows."""


@dataclass(frozen=True, slots=True)
class ReducedPicture:
    """The reduced picture, with its colour profile. `size` and `turn` are the original's, as stored in the file."""

    image: Image.Image
    size: tuple[int, int]
    turn: Image.Transpose | None

    def upright(self, turn: Image.Transpose | None) -> tuple[int, int]:
        return self.size[::-1] if orientation.swaps_sides(turn) else self.size


def open_reduced(image: ImageFile.ImageFile, file: BinaryIO, bounds: Limits) -> ReducedPicture | None:
    """The reduced picture; None if it cannot be read in bands.

    That is if it is interlaced, compressed as a single strip, or has more pixels than any camera's.
    """
    source = png.source(image, file, ROWS) if image.format == "PNG" else tiff.source(image, file, ROWS)
    if source is None or source.size[0] * source.size[1] > memory_limits.CAMERA_PIXELS:
        return None
    factor = max(1, max(source.size) // bounds.largest_edge)
    reduced_size = -(-source.size[0] // factor), -(-source.size[1] // factor)
    needed = memory_limits.banded_memory(reduced_size, bounds.largest_edge, COPIES * source.band_bytes)
    memory_limits.check_memory(needed, bounds)
    with error_mapping.file_errors(needed):
        picture = _shrunk(source.bands(), reduced_size, factor)
    if profile := image.info.get("icc_profile"):
        picture.info["icc_profile"] = profile
    return ReducedPicture(picture, source.size, source.turn)


def _shrunk(bands: Iterable[Image.Image], size: tuple[int, int], factor: int) -> Image.Image:
    picture: Image.Image | None = None
    remainder: Image.Image | None = None
    row = 0
    for band in bands:
        rows = _stacked(remainder, _averageable(band))
        picture = picture or Image.new(rows.mode, size)
        full_height = rows.height // factor * factor
        if full_height:
            picture.paste(rows.crop((0, 0, rows.width, full_height)).reduce(factor), (0, row))
            row += full_height // factor
        remainder = rows.crop((0, full_height, rows.width, rows.height)) if full_height < rows.height else None
    assert picture is not None
    if remainder:
        picture.paste(remainder.reduce(factor), (0, row))
    return picture.convert(UNPREMULTIPLIED.get(picture.mode, picture.mode))


def _averageable(band: Image.Image) -> Image.Image:
    """The band with channels of eight bits and premultiplied alpha, as needed for averaging."""
    if band.mode in bit_depth.GREY:
        band = modes.high_bytes(band)
    band = modes.in_channels(band)
    return band.convert(PREMULTIPLIED.get(band.mode, band.mode))


def _stacked(above: Image.Image | None, below: Image.Image) -> Image.Image:
    if above is None:
        return below
    stacked = Image.new(below.mode, (below.width, above.height + below.height))
    stacked.paste(above, (0, 0))
    stacked.paste(below, (0, above.height))
    return stacked
