"""Opens still WebP pictures that are too large for Pillow, which holds four copies (two canvases, a copy, the image).

libwebp itself holds only a few rows of a lossy picture, and can scale it down while decoding. Its interface is versioned; with
another version, the picture is rejected.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any, BinaryIO

from PIL import Image

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.containers import isobmff
from processing.pipeline.formats import libwebp
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import blocks
from processing.pipeline.recipe import Limits, scaled_size

LARGE_EDGE = 3840


def open_picture(file: BinaryIO, bounds: Limits) -> OpenedPicture | None:
    """The picture, reduced to the size of the largest rendition; None for an animation, a large file, or without libwebp."""
    if isobmff.length(file) > bounds.max_buffered_bytes:
        return None
    library, chunks = libwebp.find(), dict(libwebp.chunks(file))
    if library is None or libwebp.is_animated(chunks):
        return None
    size = memory_limits.webp_size(file)
    small = scaled_size(size, LARGE_EDGE)
    needed = memory_limits.large_webp_memory(size, small)
    memory_limits.check_memory(needed, bounds, size)
    with error_mapping.file_errors(needed):
        image = _decoded(library, file, small, has_alpha=libwebp.has_alpha(chunks))
    libwebp.describe(image, chunks)
    turn = orientation.turn(image)
    upright = size[::-1] if orientation.swaps_sides(turn) else size
    return OpenedPicture(image, "WEBP", blocks.of_image(image), turn, upright=upright)


def _decoded(library: Any, file: BinaryIO, size: tuple[int, int], *, has_alpha: bool) -> Image.Image:
    mode = "RGBA" if has_alpha else "RGB"
    content = bytearray(size[0] * size[1] * len(mode))
    config = libwebp.config(library, size, content, has_alpha=has_alpha)
    if config is None:
        raise errors.TooMuchMemory(memory_limits.large_webp_memory(size, size), 0)
    config.options.use_scaling, config.options.scaled_width, config.options.scaled_height = 1, *size
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as data:
        start = (ctypes.c_char * len(data)).from_buffer(data)
        try:
            status = library.WebPDecode(start, ctypes.c_size_t(len(data)), ctypes.byref(config))
        finally:
            del start
    if status == 1:
        raise MemoryError
    if status:
        raise errors.Broken if status != 7 else errors.Truncated
    return Image.frombuffer(mode, size, content, "raw", mode, 0, 1)
