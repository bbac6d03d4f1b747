"""Opens a visibly damaged picture that its owner publishes all the same, and adds a permanent note."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processing.pipeline import errors, orientation
from processing.pipeline.formats import opener, raw
from processing.pipeline.formats.detect import detect
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import blocks
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits
from processing.pipeline.render import preview

PUBLISHED = Note(
    "published-damaged",
    "Published although damaged: missing or wrong areas show as grey, shifted or false colours. The original is stored as "
    "uploaded.",
)


@contextmanager
def open_damaged(source: Path, bounds: Limits) -> Iterator[OpenedPicture]:
    """Yields the picture as far as it can be read, within the same limits. Decoding inside the block is lenient too.

    For a RAW this is the embedded JPEG. Raises Truncated if that is only a thumbnail.
    """
    with source.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = detect(file)
        file.seek(0)
        readable = preview.embedded_jpeg(file) if kind.is_raw else file
        with opener.open_leniently(readable, bounds) as image, preview.allow_truncated():
            if kind.is_raw and max(image.size) < raw.SMALL_EDGE:
                raise errors.Truncated
            yield OpenedPicture(image, kind.name, blocks.of_image(image), orientation.turn(image), notes=(PUBLISHED,))
