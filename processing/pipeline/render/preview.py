"""A small picture of a file that could not be developed: whatever of it can be seen, for a person to tell which one it is.

Lenient where developing is strict: what is missing or damaged stays grey, and a camera RAW shows the JPEG that it carries.
The limits hold as ever.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.formats import opener
from processing.pipeline.recipe import DEFAULT, Recipe, fitted
from processing.pipeline.render import steps

EDGE, QUALITY, METHOD = 400, 60, 4
JPEG_START = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")
MOST_STARTS = 32
HEADER_BYTES = 128 * 1024
MOST_EMBEDDED_BYTES = 24 * 1024 * 1024


def preview(source: Path, recipe: Recipe = DEFAULT) -> bytes:
    """As WebP, its long edge at most EDGE. Raises a `Refused` where nothing can be seen."""
    with error_mapping.of_the_machine(), source.open("rb") as file:
        try:
            with opener.opened_leniently(file, recipe.limits) as image:
                return _small(image, source)
        except errors.UnsupportedRaw:
            with opener.opened_leniently(embedded(file), recipe.limits) as image:
                return _small(image, source)


def _small(image: Image.Image, source: Path) -> bytes:
    with error_mapping.of_the_file(memory_limits.memory(image, EDGE)), mercy():
        job = steps.Job(source, fitted(image.size, EDGE), orientation.turn(image))
        image.draft("RGB", job.size)
        image.load()
        for step in steps.FINISH:
            image = step(image, job)
        buffer = BytesIO()
        # Nothing of the file's metadata goes along, as with renditions.
        image.save(buffer, "WEBP", quality=QUALITY, method=METHOD, icc_profile=None, exif=b"", xmp=b"")
        return buffer.getvalue()


@contextmanager
def mercy() -> Iterator[None]:
    """What is missing of a picture's pixels is left grey. For this picture alone: the next one is developed in this process."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def embedded(file: BinaryIO) -> BytesIO:
    """The largest JPEG in a RAW: cameras put one in for their own screens. Raises NotAnImage when there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts = [found.start() for found in islice(JPEG_START.finditer(data), MOST_STARTS)]
        sizes = {start: _pixels(data[start : start + HEADER_BYTES]) for start in starts}
        best = max(sizes, key=lambda start: sizes[start], default=None)
        if best is None or not sizes[best]:
            raise errors.NotAnImage
        return BytesIO(data[best : best + MOST_EMBEDDED_BYTES])


def _pixels(head: bytes) -> int:
    """0 for what is no picture of 8 bits: a RAW's own pixels may be a JPEG of 12 or 14, which nobody here can decode."""
    with suppress(Exception), Image.open(BytesIO(head), formats=("JPEG",)) as image:
        return image.width * image.height
    return 0
