"""The way of one picture: open, read what it says about itself, prepare, write."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from processing.pipeline import error_mapping, metadata, orientation
from processing.pipeline.formats import opener
from processing.pipeline.formats.animation import Moving
from processing.pipeline.formats.opened import Opened
from processing.pipeline.picture import UNKNOWN, Origin, Picture
from processing.pipeline.recipe import DEFAULT, Recipe, fitted
from processing.pipeline.render import damaged, gamut, renditions, steps

SHOWN_BY_BROWSERS = frozenset({"JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP"})
LOSSLESS = frozenset({"PNG", "GIF", "BMP"})


def develop(
    source: Path, out: Path, recipe: Recipe = DEFAULT, origin: Origin = UNKNOWN, *, is_damaged: bool = False
) -> Picture:
    """Writes the renditions into `out`, fsynced, and returns what is known about the picture.

    `origin` tells of the file what its bytes may not: when nothing else does, its name or its date say when it was taken.

    `is_damaged` says that it shall become a picture as far as it can be decoded, with a note of that.

    Raises a `Refused` for every file that does not become a picture. Files in `out` mean nothing then.
    """
    opened = damaged.opened if is_damaged else opener.opened
    with error_mapping.of_the_machine(), opened(source, recipe.limits) as found:
        facts = metadata.read(found.blocks, origin)
        colours = gamut.of(found)
        stored = found.image.size
        size = _turned(stored, found)
        target = fitted(stored, recipe.fitting(stored)[0].edge)
        animate = _animate(found) if found.frames > 1 else None
        master = animate(_turned(target, found)) if animate else _prepare(found.image, _job(found, target))
        if master is not found.image and not animate:
            found.image.close()  # the largest thing in memory, and nobody needs it any more
        made = renditions.write(master, size, out, recipe, animate, _most(found.format, source))
    return Picture(
        found.format,
        *(found.upright or size),
        facts,
        made.placeholder,
        made.renditions,
        recipe.mark,
        found.frames,
        found.notes,
        made.look,
        colours,
    )


def _most(form: str, source: Path) -> renditions.Most | None:
    """What browsers show themselves needs no rendition that is larger."""
    return renditions.Most(source.stat().st_size, form in LOSSLESS) if form in SHOWN_BY_BROWSERS else None


def _animate(found: Opened) -> renditions.Animate:
    """Every frame goes the way of a still picture."""

    def prepare(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
        return _prepare(frame, steps.Job(None, _turned(size, found), found.turn))

    return lambda size: Moving(found.image, found.frames, size, prepare)


def _job(found: Opened, target: tuple[int, int]) -> steps.Job:
    return steps.Job(found.source, target, found.turn, found.is_deep)


def _turned(size: tuple[int, int], found: Opened) -> tuple[int, int]:
    return size[::-1] if orientation.swaps_sides(found.turn) else size


def _prepare(image: Image.Image, job: steps.Job) -> Image.Image:
    for step in steps.PREPARE:
        image = step(image, job)
    return image
