"""The steps from a file's pixels to the largest rendition's. Each returns the image, unchanged if there is nothing to do.

The image is shrunk as early as possible, because all other steps process every pixel. Only the steps that resizing depends on
(channels instead of a palette) come before.
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
    """The file (None if the image is only a part of it, such as a frame), the size before the turns to reach, and the turns.

    `turn` makes the picture upright. `user_turn` is applied to the upright picture.
    """

    source: Path | None
    size: tuple[int, int]
    turn: Image.Transpose | None
    is_high_bit_depth: bool = False
    user_turn: Image.Transpose | None = None


def sixteen_bit(image: Image.Image, job: Job) -> Image.Image:
    """Decodes, shrinks and converts a 16-bit picture to 8-bit sRGB, so that most later steps have nothing to do."""
    if not (job.is_high_bit_depth and job.source):
        return image
    with error_mapping.file_errors(memory_limits.high_bit_depth_memory(image)):
        from processing.pipeline.render import high_bit_depth  # imports NumPy

        return high_bit_depth.develop(image, job.source, job.size)


def decode(image: Image.Image, job: Job) -> Image.Image:
    """Decodes the pixels. A JPEG is decoded at the smallest of libjpeg's scales (1/8 to 1) that is large enough."""
    with error_mapping.file_errors(memory_limits.peak_memory(image, max(job.size))):
        if image.format not in ("JPEG", "MPO"):
            image.load()
            return image
        if not image.info.get("lossless"):  # libjpeg has no draft mode for it, but Pillow does not know
            image.draft("RGB", job.size)
        if job.source:
            intervals.check_while_loading(image)
        image.load()
    return image


def eight_bit(image: Image.Image, _: Job) -> Image.Image:
    """Reduces 16-bit grey that `sixteen_bit` did not process to its high bytes."""
    return modes.high_bytes(image) if image.mode in bit_depth.GREY else image


def in_channels(image: Image.Image, _: Job) -> Image.Image:
    """Converts palettes, masks and rare modes to grey, RGB or CMYK, with alpha if anything is transparent."""
    return modes.in_channels(image)


def cmyk(image: Image.Image, job: Job) -> Image.Image:
    """Converts CMYK to sRGB before shrinking: the mean of two inks is not the mean of their colours."""
    return srgb(image, job) if image.mode == "CMYK" else image


def shrink(image: Image.Image, job: Job) -> Image.Image:
    return image if image.size == job.size else parallel.shrunk(image, job.size)


def srgb(image: Image.Image, _: Job) -> Image.Image:
    converted = convert.to_srgb(image)
    if converted is image:
        return image.convert("RGB") if image.mode == "CMYK" else image
    converted.info.pop("icc_profile", None)  # so that no later step converts it again
    return converted


def upright(image: Image.Image, job: Job) -> Image.Image:
    return image if job.turn is None else image.transpose(job.turn)


def as_rotated(image: Image.Image, job: Job) -> Image.Image:
    return image if job.user_turn is None else image.transpose(job.user_turn)


def opaque(image: Image.Image, _: Job) -> Image.Image:
    """Converts to RGB or RGBA, the modes of WebP. An alpha channel without transparency is dropped."""
    if image.mode == "RGB":
        return image
    has_holes = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() != (255, 255)
    return image.convert("RGBA" if has_holes else "RGB")


FINISH = (eight_bit, in_channels, cmyk, shrink, srgb, upright, as_rotated, opaque)
"""The steps after decoding, strict or lenient."""
PREPARE = (sixteen_bit, decode, *FINISH)
