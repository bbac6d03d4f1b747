"""Opens truncated pictures as far as they can be decoded, for previews and for publishing them all the same."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors, memory_limits
from processing.pipeline.containers import heif_items, isobmff
from processing.pipeline.formats import libwebp
from processing.pipeline.recipe import Limits

GREY = 128
MIN_SHARE = 20
"""A picture with less than one part in this number of its data is all green."""
END = b"\xff"
"""An HEVC decoder stops at such bytes. With zeros, it would decode them as pixels."""


def heif(file: BinaryIO, bounds: Limits) -> BinaryIO:
    """Returns the file with its missing end filled up, so that libheif shows missing tiles or rows in green.

    Raises Truncated if too little data of the picture is in the file, or if it is too large to be read.
    """
    length, end = isobmff.length(file), heif_items.data_end(file) or 0
    if end <= length:
        return file
    extents = [extent for item in heif_items.main_items(file) for extent in item.extents]
    received = sum(min(size, max(0, length - offset)) for offset, size in extents)
    if end > bounds.max_buffered_bytes or received * MIN_SHARE < sum(size for _, size in extents):
        raise errors.Truncated
    file.seek(0)
    return BytesIO(file.read().ljust(end, END))


def webp(file: BinaryIO) -> Image.Image:
    """Returns a still picture, the rows that are not in the file in grey. Raises Truncated if no row can be decoded."""
    library, chunks = libwebp.find(), dict(libwebp.chunks(file))
    if library is None or libwebp.is_animated(chunks):
        raise errors.Truncated
    size, has_alpha = memory_limits.webp_size(file), libwebp.has_alpha(chunks)
    mode, grey = ("RGBA", bytes((GREY, GREY, GREY, 255))) if has_alpha else ("RGB", bytes((GREY,) * 3))
    content = bytearray(grey * (size[0] * size[1]))
    config = libwebp.config(library, size, content, has_alpha=has_alpha)
    file.seek(0)
    if config is None or not libwebp.decode_rows(library, config, file.read()):
        raise errors.Truncated
    image = Image.frombuffer(mode, size, content, "raw", mode, 0, 1)
    libwebp.describe(image, chunks)
    return image
