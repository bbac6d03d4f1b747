"""The way of one picture: open, read what it says about itself, prepare, write."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from processing.pipeline import faults, ladder, metadata, opening, orientation, steps
from processing.pipeline.picture import Picture
from processing.pipeline.recipe import DEFAULT, Recipe


def develop(source: Path, out: Path, recipe: Recipe = DEFAULT) -> Picture:
    """Writes the renditions into `out`, fsynced, and returns what is known about the picture.

    Raises a `Refused` for every file that does not become a picture. Files in `out` mean nothing then.
    """
    with faults.of_the_machine(), opening.opened(source, recipe.limits) as found:
        facts = metadata.read(found.blocks)
        stored = found.image.size
        size = stored[::-1] if orientation.swaps_sides(found.turn) else stored
        target = ladder.fitted(stored, ladder.rungs(stored, recipe)[0].edge)
        master = _prepare(found.image, steps.Job(found.source, target, found.turn, found.is_deep))
        renditions = ladder.write(master, size, out, recipe)
        tiny = ladder.placeholder(master, recipe.placeholder_edge)
    return Picture(found.format, *(found.upright or size), facts, tiny, renditions, recipe.version, notes=found.notes)


def _prepare(image: Image.Image, job: steps.Job) -> Image.Image:
    for step in steps.PREPARE:
        image = step(image, job)
    return image
