"""Opens a file with the one decoder that fits it, and refuses what its header already condemns.

No pixel is decoded here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageFile

from processing.pipeline import faults, limits, wholeness
from processing.pipeline.recipe import Limits
from processing.pipeline.recognising import recognise

# Thumbnails off: draft() would otherwise decode one instead of the picture.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)


@contextmanager
def opened(source: Path, bounds: Limits) -> Iterator[Image.Image]:
    """The picture with its header read and found within `bounds`; its pixels are still in the file."""
    with source.open("rb") as file:
        image = _checked(file, bounds)
        with image, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield image


@contextmanager
def opened_leniently(file: BinaryIO, bounds: Limits) -> Iterator[Image.Image]:
    """As `opened`, for who only wants to look: a JPEG may end early or hold anything."""
    image = _checked(file, bounds, is_strict=False)
    with image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield image


def name(image: Image.Image) -> str:
    """Action cameras' JPEGs carry a preview as second picture, which makes Pillow call them MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _checked(file: BinaryIO, bounds: Limits, *, is_strict: bool = True) -> Image.Image:
    with faults.of_the_file():
        name = recognise(file)
        if is_strict or name != "JPEG":
            wholeness.check(file, name)
        memory = limits.check_file(file, name, bounds)
    with faults.of_the_file(memory):
        image = _header(file, name)
        limits.check_picture(image, bounds)
    return image


def _header(file: BinaryIO, name: str) -> Image.Image:
    """Pillow's own limit is off meanwhile: it keeps the size to itself, and `limits` names it in words.

    "Truncated" here only lets a PNG be opened whose optional chunks are damaged; its pixels get no mercy.
    """
    file.seek(0)
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    ImageFile.LOAD_TRUNCATED_IMAGES = name == "PNG"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(file, formats=(name,))
    finally:
        Image.MAX_IMAGE_PIXELS = usual
        ImageFile.LOAD_TRUNCATED_IMAGES = False
