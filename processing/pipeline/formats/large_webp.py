"""Opens still WebP pictures that are too large for Pillow, which holds four copies (two canvases, a copy, the image).

libwebp itself holds only a few rows of a lossy picture, and can scale it down while decoding. So this module calls the libwebp
that Pillow has loaded. Its interface (webp/decode.h) is versioned; with another version, the picture is rejected.
"""

from __future__ import annotations

import ctypes
import mmap
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, WebPImagePlugin

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.containers import isobmff
from processing.pipeline.formats.opened import Opened
from processing.pipeline.metadata import blocks
from processing.pipeline.recipe import Limits, fitted

ABI = 0x0209
RGB, RGBA = 0, 1
ANIMATION_FLAG, LARGE_EDGE = 0x02, 3840
LIBRARY_PATH = re.compile(r"\s(/\S*/libwebp[-.][^/]*so[^/]*)$", re.MULTILINE)
MAPS_FILE = Path("/proc/self/maps")
METADATA_CHUNKS, MAX_CHUNKS, MAX_METADATA_BYTES = (b"ICCP", b"EXIF", b"XMP "), 1000, 8 * 1024 * 1024


class _Features(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("width", "height", "has_alpha", "has_animation", "format")]
    _fields_ += [("pad", ctypes.c_uint32 * 5)]


class _Pixels(ctypes.Structure):
    _fields_ = [("rgba", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t)]


class _Planes(ctypes.Structure):
    _fields_ = [("planes", ctypes.c_void_p * 4), ("strides", ctypes.c_int * 4), ("sizes", ctypes.c_size_t * 4)]


class _Either(ctypes.Union):
    _fields_ = [("pixels", _Pixels), ("planes", _Planes)]


class _Output(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("colorspace", "width", "height", "is_external")]
    _fields_ += [("u", _Either), ("pad", ctypes.c_uint32 * 4), ("private", ctypes.c_void_p)]


class _Options(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int)
        for name in (
            "bypass_filtering", "no_fancy_upsampling", "use_cropping", "crop_left", "crop_top", "crop_width",
            "crop_height", "use_scaling", "scaled_width", "scaled_height", "use_threads", "dithering_strength", "flip",
            "alpha_dithering_strength",
        )
    ]  # fmt: skip
    _fields_ += [("pad", ctypes.c_uint32 * 5)]


class _Config(ctypes.Structure):
    _fields_ = [("input", _Features), ("output", _Output), ("options", _Options)]


def opened(file: BinaryIO, bounds: Limits) -> Opened | None:
    """The picture, reduced to the size of the largest rendition; None for an animation, a large file, or without libwebp."""
    if isobmff.length(file) > bounds.swallowed_bytes:
        return None
    libwebp, chunks = library(), dict(_chunks(file))
    if libwebp is None or chunks.get(b"VP8X", b"\0")[0] & ANIMATION_FLAG:
        return None
    size = memory_limits.webp_size(file)
    small = fitted(size, LARGE_EDGE)
    needed = memory_limits.large_webp_memory(size, small)
    memory_limits.check_memory(needed, bounds, size)
    with error_mapping.of_the_file(needed):
        image = _decoded(libwebp, file, small, has_alpha=_has_alpha(chunks))
    if b"ICCP" in chunks:
        image.info["icc_profile"] = chunks[b"ICCP"]
    image.info |= {"exif": chunks.get(b"EXIF", b""), "xmp": chunks.get(b"XMP ", b"")}
    turn = orientation.turn(image)
    upright = size[::-1] if orientation.swaps_sides(turn) else size
    return Opened(image, "WEBP", blocks.of_image(image), turn, upright=upright)


@cache
def library() -> Any:
    """The libwebp that Pillow has loaded; None without it, or if its version has another interface.

    Cached, because a child process cannot read /proc/self/maps once its limits are applied.
    """
    if not WebPImagePlugin.SUPPORTED:
        return None
    match = LIBRARY_PATH.search(MAPS_FILE.read_text()) if MAPS_FILE.exists() else None
    if not match:
        return None
    libwebp = ctypes.CDLL(match[1])
    return libwebp if hasattr(libwebp, "WebPInitDecoderConfigInternal") else None


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The RIFF chunks (RFC 9649, 2.3): type and content. Of chunks other than metadata, only the first 16 bytes."""
    offset = 12
    for _ in range(MAX_CHUNKS):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        yield head[:4], file.read(min(length, MAX_METADATA_BYTES if head[:4] in METADATA_CHUNKS else 16))
        offset += 8 + length + length % 2


def _has_alpha(chunks: dict[bytes, bytes]) -> bool:
    """True if the extended header, or a lossless picture's header (RFC 9649, 3.4), has the alpha flag."""
    return bool(chunks.get(b"VP8X", b"\0")[0] & 0x10 or chunks.get(b"VP8L", bytes(5))[4:5] > b"\x0f")


def _decoded(libwebp: Any, file: BinaryIO, size: tuple[int, int], *, has_alpha: bool) -> Image.Image:
    config, channels = _Config(), 4 if has_alpha else 3
    if not libwebp.WebPInitDecoderConfigInternal(ctypes.byref(config), ABI):
        raise errors.TooHeavy(memory_limits.large_webp_memory(size, size), 0)
    content = bytearray(size[0] * size[1] * channels)
    pixels = (ctypes.c_char * len(content)).from_buffer(content)
    config.options.use_scaling, config.options.scaled_width, config.options.scaled_height = 1, *size
    config.output.colorspace, config.output.is_external = RGBA if has_alpha else RGB, 1
    config.output.u.pixels = _Pixels(ctypes.addressof(pixels), size[0] * channels, len(pixels))
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as data:
        start = (ctypes.c_char * len(data)).from_buffer(data)
        try:
            status = libwebp.WebPDecode(start, ctypes.c_size_t(len(data)), ctypes.byref(config))
        finally:
            del start
    if status == 1:
        raise MemoryError
    if status:
        raise errors.Broken if status != 7 else errors.Truncated
    return Image.frombuffer("RGBA" if has_alpha else "RGB", size, content, "raw", "RGBA" if has_alpha else "RGB", 0, 1)
