"""Develops one picture: opens it, reads its metadata, prepares it and writes the renditions."""

from __future__ import annotations

from dataclasses import dataclass
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
    source: Path,
    out: Path,
    recipe: Recipe = DEFAULT,
    origin: Origin = UNKNOWN,
    *,
    is_damaged: bool = False,
    user_orientation: int = 1,
) -> Picture:
    """Writes the renditions into `out`, fsynced, and returns the description of the picture.

    If the metadata has no date taken, it is derived from the file's name or date in `origin`. With `is_damaged`, a damaged
    picture is developed as far as it can be decoded, and gets a note. `user_orientation` is applied to the upright picture; its
    values are EXIF's, from 1 (unchanged) to 8. The picture's width and height are those after it.

    Raises a `ImageRejected` for every file that cannot be developed; the files in `out` are invalid then.
    """
    open_picture = damaged.open_damaged if is_damaged else opener.open_picture
    with error_mapping.machine_errors(), open_picture(source, recipe.limits) as opened:
        file_metadata = metadata.read(opened.blocks, origin)
        colours = gamut.describe(opened)
        stored_size = opened.image.size
        turns = _Turns(opened.turn, orientation.TURNS.get(user_orientation))
        size = turns.size(stored_size)
        target_size = scaled_size(stored_size, recipe.rungs_for(stored_size)[0].edge)
        animate = _animate(opened, turns) if opened.frames > 1 else None
        job = steps.Job(opened.source, target_size, opened.turn, opened.is_high_bit_depth, turns.by_user)
        master = animate(turns.size(target_size)) if animate else _prepare(opened.image, job)
        if master is not opened.image and not animate:
            opened.image.close()  # the largest object in memory, no longer needed
        ladder = renditions.write(master, size, out, recipe, animate, _size_limit(opened.format, source))
    return Picture(
        opened.format,
        *(turns.user_size(opened.upright) if opened.upright else size),
        file_metadata,
        ladder.placeholder,
        ladder.renditions,
        recipe.identifier,
        opened.frames,
        opened.notes,
        ladder.perceptual_hash,
        colours,
        orientation.code(opened.turn),
    )


@dataclass(frozen=True, slots=True)
class _Turns:
    """The turn that makes the picture upright, and the user's turn of the upright picture."""

    upright: Image.Transpose | None
    by_user: Image.Transpose | None

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size after both turns of a picture of that size, or before them of one that has it then."""
        return self.user_size(size[::-1] if orientation.swaps_sides(self.upright) else size)

    def user_size(self, size: tuple[int, int]) -> tuple[int, int]:
        return size[::-1] if orientation.swaps_sides(self.by_user) else size


def _size_limit(file_format: str, source: Path) -> renditions.SizeLimit | None:
    """Returns the original's size as the limit for its renditions; None if browsers do not display the original."""
    if file_format not in SHOWN_BY_BROWSERS:
        return None
    return renditions.SizeLimit(source.stat().st_size, file_format in LOSSLESS)


def _animate(opened: OpenedPicture, turns: _Turns) -> renditions.Animate:
    """Returns a function that prepares every frame like a still picture."""

    def prepare(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
        return _prepare(frame, steps.Job(None, turns.size(size), turns.upright, user_turn=turns.by_user))

    return lambda size: AnimatedImage(opened.image, opened.frames, size, prepare)


def _prepare(image: Image.Image, job: steps.Job) -> Image.Image:
    for step in steps.PREPARE:
        image = step(image, job)
    return image
