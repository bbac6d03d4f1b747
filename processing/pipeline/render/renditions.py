"""Writes the files of a picture's renditions.

Each rendition is made from the next larger one. The chain loses nothing visible (SSIMULACRA2 within 0.4 of
resizing every size from the full picture) and costs a third less. While one is encoded, the next is resized.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from processing.pipeline.formats import animation
from processing.pipeline.formats.animation import AnimatedImage
from processing.pipeline.picture import Rendition
from processing.pipeline.recipe import Avif, Recipe, Rung, scaled_size
from processing.pipeline.render import parallel, perceptual_hash

THREADS = 2
"""The AVIF encoder's threads. By default it uses one for each core of the machine, each with its own memory."""
MAX_TRIES, LOSSLESS_EFFORT = 4, 20
MIN_QUALITY = 20
"""The lowest quality that is tried so as not to exceed the original's bytes.

Measured on ten photos of 640 and 1280 pixels as JPEGs of quality 5 to 75, against the JPEG's own pixels: WebP has 23 to 27 dB
(SSIM 0.60 to 0.86) at quality 0, 27 to 30 dB (0.82 to 0.92) at 10, and 28 to 34 dB (0.86 to 0.96) at 20. JPEGs of quality 20 and
more are not exceeded at 20. Of worse ones, the next smaller size at 20 or more, enlarged, is as close to the JPEG (0.90 to 0.92)
as the full size at the quality that fits, 0 to 10 (0.78 to 0.92).
"""
Animate = Callable[[tuple[int, int]], AnimatedImage]


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The size of an original that browsers display, and whether its compression is lossless, as for drawings."""

    bytes: int
    is_lossless: bool


@dataclass(frozen=True, slots=True)
class WrittenRenditions:
    """The written renditions. `placeholder` is a data URI of about a hundred characters, shown until the picture is loaded."""

    renditions: tuple[Rendition, ...]
    placeholder: str
    perceptual_hash: str | None


def write(
    image: Image.Image,
    size: tuple[int, int],
    out: Path,
    recipe: Recipe,
    animate: Animate | None = None,
    limit: SizeLimit | None = None,
) -> WrittenRenditions:
    """Writes and fsyncs EDGE.webp, and EDGE.avif if the recipe has AVIF, for each rung of an original of that upright size.

    With `animate`, which returns all frames in a size, writes animated WebP only. Quality is lowered, down to MIN_QUALITY, until
    no file exceeds `limit`. A size that still exceeds it is left out, except the smallest.
    """
    out.mkdir(parents=True, exist_ok=True)
    rungs = recipe.rungs_for(size)
    if animate:
        small = _resized(image, scaled_size(image.size, rungs[-1].edge))
        renditions = _animations(rungs, size, out, animate, limit)
        _sync_directory(out)
        return WrittenRenditions(
            renditions, _placeholder(small, recipe.placeholder_edge), perceptual_hash.compute(small)
        )
    tasks = []
    with parallel.second_thread() as submit:
        for rung in rungs:
            image = _resized(image, scaled_size(size, rung.edge))
            tasks.append(submit(_rendition, image, out / f"{rung.edge}.webp", rung, limit, rung is rungs[-1]))
            if recipe.avif:
                tasks.append(submit(_rendition, image, out / f"{rung.edge}.avif", recipe.avif, limit))
        # From the smallest size, while the largest is encoded.
        placeholder, hash_digits = _placeholder(image, recipe.placeholder_edge), perceptual_hash.compute(image)
        renditions = tuple(rendition for rendition in parallel.results(tasks) if rendition)
    _sync_directory(out)
    return WrittenRenditions(renditions, placeholder, hash_digits)


def _animations(
    rungs: Sequence[Rung], size: tuple[int, int], out: Path, animate: Animate, limit: SizeLimit | None
) -> tuple[Rendition, ...]:
    """Returns the renditions, largest first. Makes them from the smallest up, until the time is used up or one is too large."""
    renditions: list[Rendition] = []
    clock = animation.Clock()
    for rung in reversed(rungs):
        moving = animate(scaled_size(size, rung.edge))
        if renditions and not clock.has_time_for(moving.size):
            break
        path = out / f"{rung.edge}.webp"
        with path.open("w+b") as file:
            is_small = moving.write(file, rung.quality, rung.method, limit.bytes if limit else None, clock)
            length = file.seek(0, os.SEEK_END)
            os.fsync(file.fileno())
        if renditions and not is_small:
            # The child may not delete files; its worker takes only the files that are listed.
            with suppress(PermissionError):
                path.unlink()
            break
        renditions.insert(0, Rendition(str(path), *moving.size, bytes=length))
    return tuple(renditions)


def _placeholder(image: Image.Image, edge: int) -> str:
    buffer = BytesIO()
    size = scaled_size(image.size, edge)
    image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).save(buffer, "WEBP", quality=10, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resizes in one thread: the other encodes the largest rendition meanwhile, which takes as long as everything else."""
    return image if image.size == size else parallel.resized(image, size, 1)


def _rendition(
    image: Image.Image, path: Path, settings: Rung | Avif, limit: SizeLimit | None, is_last: bool = False
) -> Rendition | None:
    """Writes one file. Returns None, without a file, if it exceeds `limit` at every quality, unless it is the last size."""
    content = _encoded(image, path.suffix[1:], settings)
    if limit and len(content) > limit.bytes:
        content = _smaller(image, path.suffix[1:], settings, content, limit)
        if len(content) > limit.bytes and not is_last:
            return None
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Rendition(str(path), *image.size, bytes=len(content))


def _smaller(image: Image.Image, file_format: str, settings: Rung | Avif, content: bytes, limit: SizeLimit) -> bytes:
    """Returns the best encoding within `limit`: lossless if that is smaller, as for drawings, else with a lower quality.

    Tries at most MAX_TRIES qualities, the last of them MIN_QUALITY. Returns the smallest encoding if all are too large.
    """
    smallest, quality, lowest = content, settings.quality, min(MIN_QUALITY, settings.quality)
    if limit.is_lossless and file_format == "webp":
        lossless = _encoded(image, file_format, settings, lossless=True, quality=LOSSLESS_EFFORT)
        smallest = min(smallest, lossless, key=len)
    for remaining_tries in range(MAX_TRIES, 0, -1):
        if len(smallest) <= limit.bytes or quality == lowest:
            break
        scaled = int(quality * limit.bytes / len(smallest) * 0.9)
        quality = max(lowest, min(quality - 5, scaled)) if remaining_tries > 1 else lowest
        smallest = min(smallest, _encoded(image, file_format, settings, quality=quality), key=len)
    return smallest


def _encoded(image: Image.Image, file_format: str, settings: Rung | Avif, **overrides: Any) -> bytes:
    # No metadata of the original: renditions are published. No profile: the colours are already sRGB.
    options: dict[str, Any] = {"quality": settings.quality, "icc_profile": None, "exif": b"", "xmp": b""}
    if isinstance(settings, Avif):
        options |= {"speed": settings.speed, "max_threads": THREADS}
    else:
        options |= {"method": settings.method}
    buffer = BytesIO()
    image.save(buffer, file_format, **options | overrides)
    return buffer.getvalue()


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
