"""The steps from a file's pixels to the largest rendition's: image in, image out, nothing to do first.

The order is the cheap one: shrink before anything that touches every pixel. Only what resizing needs
(channels instead of a palette) comes earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from processing.pipeline import error_mapping, memory_limits
from processing.pipeline.colour import bit_depth, convert, modes
from processing.pipeline.formats.jpeg import intervals
from processing.pipeline.render import parallel


@dataclass(frozen=True, slots=True)
class Job:
    """The file, if the image is one by itself, and what the steps are to reach: the largest rendition's size, the turn."""

    source: Path | None
    size: tuple[int, int]
    turn: Image.Transpose | None
    is_deep: bool = False


def sixteen_bit(image: Image.Image, job: Job) -> Image.Image:
    """All that a picture of sixteen bits needs until it has eight; the steps below find it done."""
    if not (job.is_deep and job.source):
        return image
    with error_mapping.of_the_file(memory_limits.deep_memory(image)):
        from processing.pipeline.render import high_bit_depth  # it brings NumPy along

        return high_bit_depth.developed(image, job.source, job.size)


def decode(image: Image.Image, job: Job) -> Image.Image:
    """All pixels, except that a JPEG is decoded at the smallest eighth that is still large enough."""
    with error_mapping.of_the_file(memory_limits.memory(image, max(job.size))):
        if image.format not in ("JPEG", "MPO"):
            image.load()
            return image
        if not image.info.get("lossless"):  # libjpeg makes no draft of one, and Pillow does not know
            image.draft("RGB", job.size)
        if job.source:
            intervals.watch(image)
        image.load()
    return image


def eight_bit(image: Image.Image, _: Job) -> Image.Image:
    """The upper halves of sixteen bits of grey, where nobody wanted both."""
    return modes.high_bytes(image) if image.mode in bit_depth.GREY else image


def plain(image: Image.Image, _: Job) -> Image.Image:
    """Palettes, masks and rare models become grey, RGB or CMYK, with alpha where something is transparent."""
    return modes.in_channels(image)


def inks(image: Image.Image, job: Job) -> Image.Image:
    """Inks are mixed before the picture is made smaller: between two of them lies not the mean of their colours."""
    return srgb(image, job) if image.mode == "CMYK" else image


def shrink(image: Image.Image, job: Job) -> Image.Image:
    return image if image.size == job.size else parallel.shrunk(image, job.size)


def srgb(image: Image.Image, _: Job) -> Image.Image:
    turned = convert.to_srgb(image)
    if turned is image:
        return image.convert("RGB") if image.mode == "CMYK" else image
    turned.info.pop("icc_profile", None)  # done, should a later step ask again
    return turned


def upright(image: Image.Image, job: Job) -> Image.Image:
    return image if job.turn is None else image.transpose(job.turn)


def opaque(image: Image.Image, _: Job) -> Image.Image:
    """WebP knows RGB and RGBA; an alpha channel that hides nothing is not worth its bytes."""
    if image.mode == "RGB":
        return image
    has_holes = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() != (255, 255)
    return image.convert("RGBA" if has_holes else "RGB")


FINISH = (eight_bit, plain, inks, shrink, srgb, upright, opaque)
"""What follows the decoding, however strict that was."""
PREPARE = (sixteen_bit, decode, *FINISH)
