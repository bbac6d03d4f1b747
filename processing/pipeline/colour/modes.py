"""Converts images to the modes with 8-bit channels, which all steps support."""

from __future__ import annotations

from PIL import Image

from processing.pipeline import errors

HIGH_BYTES = [value >> 8 for value in range(65536)]
PLAIN = ("L", "LA", "RGB", "RGBA", "CMYK")
WITH_ALPHA = {"L": "LA", "LA": "LA", "RGB": "RGBA", "RGBA": "RGBA", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
WITHOUT_ALPHA = {"1": "L", "P": "RGB", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}


def high_bytes(image: Image.Image) -> Image.Image:
    # Pillow's own conversion from 16 bits clips; going through mode I keeps the high byte.
    high = image.convert("I").point(HIGH_BYTES, "L")
    high.info = image.info
    return high


def in_channels(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise errors.UnsupportedDepth("32-bit whole numbers")
    if image.mode in PLAIN and "transparency" not in image.info:
        return image
    return image.convert(_plain_mode(image))


def _plain_mode(image: Image.Image) -> str:
    if "transparency" in image.info and image.mode == "P":
        return "RGBA"
    if "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        return WITH_ALPHA.get(image.mode, "LA")
    return WITHOUT_ALPHA.get(image.mode) or WITH_ALPHA.get(image.mode, "RGB")
