"""Has a picture more than eight bits a sample, and is there memory enough to make use of them?"""

from __future__ import annotations

import sys
from typing import Any

from PIL import Image

from processing.pipeline import memory_limits
from processing.pipeline.recipe import Limits

BITS, PLANAR = 258, 284
GREY = ("I;16", "I;16L", "I;16B", "I;16N")
COLOURS = ("RGB", "RGBA", "RGBX", "CMYK")
TURNED = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}


def is_deep(image: Image.Image, bounds: Limits) -> bool:
    """Whether `high_bit_depth` can and may develop it. If its memory does not suffice, the upper halves of samples will do."""
    if image.mode in GREY:
        return True
    names = {rawmode(tile) for tile in getattr(image, "tile", [])}
    # Plane by plane, libtiff gives the upper halves however it is asked.
    if not names or needs_libtiff(image) or not all(name[:-4] in COLOURS and name[-4:] in TURNED for name in names):
        return False
    return bounds.memory_bytes is None or memory_limits.deep_memory(image) <= bounds.memory_bytes


def needs_libtiff(image: Image.Image) -> bool:
    """Pillow itself takes the planes of an unpacked TIFF for bytes, where they are sixteen bits: red stripes come out."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(PLANAR) == 2 and 16 in tags.get(BITS, ())


def rawmode(tile: Any) -> str:
    """How Pillow is to read the samples of this part of the file."""
    args = tile.args
    return str(args if isinstance(args, str) else args[0])


def turned(tile: Any) -> Any:
    """The same part, read as if its bytes lay the other way round."""
    name = rawmode(tile)
    other = name[:-4] + TURNED[name[-4:]]
    return tile._replace(args=other if isinstance(tile.args, str) else (other, *tile.args[1:]))
