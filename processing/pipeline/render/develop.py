"""Develops one picture: opens it, reads its metadata, prepares it and writes the renditions."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from processing.pipeline import error_mapping, metadata, orientation
from processing.pipeline.formats import opener
from processing.pipeline.formats.animation import AnimatedImage
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.picture import UNKNOWN, Origin, Picture
from processing.pipeline.recipe import DEFAULT, Recipe, scaled_size
from processing.pipeline.render import damaged, gamut, renditions, steps

SHOWN_BY_BROWSERS = frozenset({"JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP"})
LOSSLESS = frozenset({"PNG", "GIF", "BMP"})


def develop(
    source: Path, out: Path, recipe: Recipe = DEFAULT, origin: Origin = UNKNOWN, *, is_damaged: bool = False
) -> Picture:
    """Writes the renditions into `out`, fsynced, and returns the description of the picture.

    If the metadata has no date taken, it is derived from the file's name or date in `origin`. With `is_damaged`, a damaged
    picture is developed as far as it can be decoded, and gets a note.

    Raises a `ImageRejected` for every file that cannot be developed; the files in `out` are invalid then.
    """
    open_picture = damaged.open_damaged if is_damaged else opener.open_picture
    with error_mapping.machine_errors(), open_picture(source, recipe.limits) as opened:
        file_metadata = metadata.read(opened.blocks, origin)
        colours = gamut.describe(opened)
        stored_size = opened.image.size
        size = _turned(stored_size, opened)
        target_size = scaled_size(stored_size, recipe.rungs_for(stored_size)[0].edge)
        animate = _animate(opened) if opened.frames > 1 else None
        master = animate(_turned(target_size, opened)) if animate else _prepare(opened.image, _job(opened, target_size))
        if master is not opened.image and not animate:
            opened.image.close()  # the largest object in memory, no longer needed
        ladder = renditions.write(master, size, out, recipe, animate, _size_limit(opened.format, source))
    return Picture(
        opened.format,
        *(opened.upright or size),
        file_metadata,
        ladder.placeholder,
        ladder.renditions,
        recipe.identifier,
        opened.frames,
        opened.notes,
        ladder.perceptual_hash,
        colours,
    )


def _size_limit(file_format: str, source: Path) -> renditions.SizeLimit | None:
    """Returns the original's size as the limit for its renditions; None if browsers do not display the original."""
    if file_format not in SHOWN_BY_BROWSERS:
        return None
    return renditions.SizeLimit(source.stat().st_size, file_format in LOSSLESS)


def _animate(opened: OpenedPicture) -> renditions.Animate:
    """Returns a function that prepares every frame like a still picture."""

    def prepare(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
        return _prepare(frame, steps.Job(None, _turned(size, opened), opened.turn))

    return lambda size: AnimatedImage(opened.image, opened.frames, size, prepare)


def _job(opened: OpenedPicture, target_size: tuple[int, int]) -> steps.Job:
    return steps.Job(opened.source, target_size, opened.turn, opened.is_high_bit_depth)


def _turned(size: tuple[int, int], opened: OpenedPicture) -> tuple[int, int]:
    return size[::-1] if orientation.swaps_sides(opened.turn) else size


def _prepare(image: Image.Image, job: steps.Job) -> Image.Image:
    for step in steps.PREPARE:
        image = step(image, job)
    return image
