"""Decides whether a picture has more than eight bits per sample, and enough memory to use them."""

from __future__ import annotations

import sys
from typing import Any

from PIL import Image

from processing.pipeline import memory_limits
from processing.pipeline.recipe import Limits

BITS, PLANAR = 258, 284
GREY = ("I;16", "I;16L", "I;16B", "I;16N")
COLOURS = ("RGB", "RGBA", "RGBX", "CMYK")
SWAPPED = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}


def is_high_bit_depth(image: Image.Image, bounds: Limits) -> bool:
    """True if `high_bit_depth` can develop the picture within the memory limit. Otherwise only the high bytes are used."""
    if image.mode in GREY:
        return True
    names = {rawmode(tile) for tile in getattr(image, "tile", [])}
    # For planar samples libtiff returns the high bytes in either byte order.
    if not names or needs_libtiff(image) or not all(name[:-4] in COLOURS and name[-4:] in SWAPPED for name in names):
        return False
    return bounds.memory_bytes is None or memory_limits.high_bit_depth_memory(image) <= bounds.memory_bytes


def needs_libtiff(image: Image.Image) -> bool:
    """True for planar 16-bit TIFFs. If uncompressed, Pillow's own decoder reads them as bytes, which gives red stripes."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(PLANAR) == 2 and 16 in tags.get(BITS, ())


def rawmode(tile: Any) -> str:
    """Returns Pillow's raw mode for the samples of a tile."""
    args = tile.args
    return str(args if isinstance(args, str) else args[0])


def byte_swapped(tile: Any) -> Any:
    """Returns the tile with the opposite byte order."""
    name = rawmode(tile)
    swapped = name[:-4] + SWAPPED[name[-4:]]
    return tile._replace(args=swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:]))
