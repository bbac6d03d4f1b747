"""PNG and TIFF pictures too large for memory, decoded a band of rows at a time and made smaller by a whole number on the way.

They come out as a JPEG does from its draft: each pixel is the mean of a square of pixels, and the picture stays at least as large
as the largest rendition. Each band is opened by Pillow as a small file of its own, so formats, packings and colours are Pillow's
to know. Sixteen bits a sample are cut to eight. Pictures that fit into memory as a whole never come here.
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
"""Of a band, while it is unpacked, opened, converted and joined with the rows that were left over."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """The smaller picture, with its colour profile. `size` is the original's, and `turn` its own, as the file stores them."""

    image: Image.Image
    size: tuple[int, int]
    turn: Image.Transpose | None

    def upright(self, turn: Image.Transpose | None) -> tuple[int, int]:
        return self.size[::-1] if orientation.swaps_sides(turn) else self.size


def reduced(image: ImageFile.ImageFile, file: BinaryIO, bounds: Limits) -> Reduced | None:
    """None for a picture that cannot be read in bands: interlaced, packed in one piece, or with more pixels than any camera's."""
    source = png.source(image, file, ROWS) if image.format == "PNG" else tiff.source(image, file, ROWS)
    if source is None or source.size[0] * source.size[1] > memory_limits.CAMERA_PIXELS:
        return None
    factor = max(1, max(source.size) // bounds.largest_edge)
    small = -(-source.size[0] // factor), -(-source.size[1] // factor)
    needed = memory_limits.banded_memory(small, bounds.largest_edge, COPIES * source.band_bytes)
    memory_limits.check_memory(needed, bounds)
    with error_mapping.of_the_file(needed):
        made = _shrunk(source.bands(), small, factor)
    if profile := image.info.get("icc_profile"):
        made.info["icc_profile"] = profile
    return Reduced(made, source.size, source.turn)


def _shrunk(bands: Iterable[Image.Image], size: tuple[int, int], factor: int) -> Image.Image:
    whole: Image.Image | None = None
    rest: Image.Image | None = None
    row = 0
    for band in bands:
        rows = _stacked(rest, _even(band))
        whole = whole or Image.new(rows.mode, size)
        full = rows.height // factor * factor
        if full:
            whole.paste(rows.crop((0, 0, rows.width, full)).reduce(factor), (0, row))
            row += full // factor
        rest = rows.crop((0, full, rows.width, rows.height)) if full < rows.height else None
    assert whole is not None
    if rest:
        whole.paste(rest.reduce(factor), (0, row))
    return whole.convert(UNPREMULTIPLIED.get(whole.mode, whole.mode))


def _even(band: Image.Image) -> Image.Image:
    """In channels of eight bits, with transparent colours weighed by their alpha: only such can be averaged."""
    if band.mode in bit_depth.GREY:
        band = modes.high_bytes(band)
    band = modes.in_channels(band)
    return band.convert(PREMULTIPLIED.get(band.mode, band.mode))


def _stacked(above: Image.Image | None, below: Image.Image) -> Image.Image:
    if above is None:
        return below
    both = Image.new(below.mode, (below.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both
