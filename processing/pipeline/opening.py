"""Opens a file with the one decoder that fits it, and refuses what its header already condemns.

No pixel is decoded here. Pillow's decoders raise whatever a damaged file led them to, so the catch in
`as_refusal` is broad on purpose: what it catches is the file's fault unless it is the machine's.
"""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pillow_heif
from PIL import Image

from processing.pipeline import limits, refusals, wholeness
from processing.pipeline.recipe import Limits
from processing.pipeline.recognising import recognise

# Thumbnails off: draft() would otherwise decode one instead of the picture.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MACHINE = {errno.EIO, errno.ENOENT, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EMFILE, errno.EISDIR}


@contextmanager
def opened(source: Path, bounds: Limits) -> Iterator[Image.Image]:
    """The picture with its header read and found within `bounds`; its pixels are still in the file."""
    with as_refusal(), source.open("rb") as file:
        name = recognise(file)
        wholeness.check(file, name)
        limits.check_file(file, name, bounds)
        with _image(file, name) as image:
            limits.check_picture(image, bounds)
            with _memory_in_mind(image):
                yield image


def name(image: Image.Image) -> str:
    """Action cameras' JPEGs carry a preview as second picture, which makes Pillow call them MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


@contextmanager
def as_refusal() -> Iterator[None]:
    """Turns what decoders raise into the refusal that it means."""
    try:
        yield
    except refusals.Refused:
        raise
    except MemoryError as error:
        raise refusals.OutOfMemory from error
    except Image.DecompressionBombError as error:
        raise refusals.Bomb from error
    except Exception as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> refusals.Refused:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOMEM:
        return refusals.OutOfMemory()
    if number in FULL:
        return refusals.DiskFull()
    if number in MACHINE:
        return refusals.Unreadable()
    if "Decompressed data too large" in str(error) or "Too much memory used" in str(error):
        return refusals.Bomb()
    return refusals.Truncated() if "truncated" in str(error).lower() else refusals.Broken()


@contextmanager
def _memory_in_mind(image: Image.Image) -> Iterator[None]:
    """libjpeg and libheif call it corruption when they get no memory; ask the kernel first."""
    needed = limits.memory(image)
    try:
        with as_refusal():
            yield
    except (refusals.Broken, refusals.Truncated) as error:
        if limits.has_room(needed):
            raise
        raise refusals.OutOfMemory from error


@contextmanager
def _image(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _header(file, name) as image:
            yield image


def _header(file: BinaryIO, name: str) -> Image.Image:
    """Pillow's own limit is off meanwhile: it keeps the size to itself, and `limits` names it in words."""
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return Image.open(file, formats=(name,))
    finally:
        Image.MAX_IMAGE_PIXELS = usual
