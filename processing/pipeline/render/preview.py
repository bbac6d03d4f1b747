"""Makes a small preview of a file that could not be developed, so that its owner can recognise it.

Decoding is lenient here: missing or damaged parts are grey, and a camera RAW is shown by its embedded JPEG. The limits are
those of developing.
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
from processing.pipeline.recipe import DEFAULT, Recipe, scaled_size
from processing.pipeline.render import steps

EDGE, QUALITY, METHOD = 400, 60, 4
JPEG_START = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")
MAX_JPEG_STARTS = 32
HEADER_BYTES = 128 * 1024
MAX_EMBEDDED_BYTES = 24 * 1024 * 1024


def preview(source: Path, recipe: Recipe = DEFAULT) -> bytes:
    """Returns a WebP file with a long edge of at most EDGE. Raises a `ImageRejected` if nothing can be decoded."""
    with error_mapping.machine_errors(), source.open("rb") as file:
        try:
            with opener.open_leniently(file, recipe.limits) as image:
                return _small(image, source)
        except errors.UnsupportedRaw:
            with opener.open_leniently(embedded_jpeg(file), recipe.limits) as image:
                return _small(image, source)


def _small(image: Image.Image, source: Path) -> bytes:
    with error_mapping.file_errors(memory_limits.peak_memory(image, EDGE)), allow_truncated():
        job = steps.Job(source, scaled_size(image.size, EDGE), orientation.turn(image))
        image.draft("RGB", job.size)
        image.load()
        for step in steps.FINISH:
            image = step(image, job)
        buffer = BytesIO()
        # No metadata of the original, as in renditions.
        image.save(buffer, "WEBP", quality=QUALITY, method=METHOD, icc_profile=None, exif=b"", xmp=b"")
        return buffer.getvalue()


@contextmanager
def allow_truncated() -> Iterator[None]:
    """Lets Pillow decode truncated pictures, with grey for missing pixels, until the block ends: its flag is global."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def embedded_jpeg(file: BinaryIO) -> BytesIO:
    """Returns the largest JPEG in a RAW; cameras embed it for their own screens. Raises NotAnImage if there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts = [match.start() for match in islice(JPEG_START.finditer(data), MAX_JPEG_STARTS)]
        sizes = {start: _pixels(data[start : start + HEADER_BYTES]) for start in starts}
        largest = max(sizes, key=lambda start: sizes[start], default=None)
        if largest is None or not sizes[largest]:
            raise errors.NotAnImage
        return BytesIO(data[largest : largest + MAX_EMBEDDED_BYTES])


def _pixels(head: bytes) -> int:
    """Returns 0 if `head` is not of an 8-bit JPEG. A RAW's sensor data may be a 12 or 14-bit JPEG, which cannot be decoded."""
    with suppress(Exception), Image.open(BytesIO(head), formats=("JPEG",)) as image:
        return image.width * image.height
    return 0
