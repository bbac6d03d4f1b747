"""Calls the libwebp that Pillow has loaded, for what Pillow's own decoder cannot do. Its interface is webp/decode.h."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, WebPImagePlugin

ABI = 0x0209
RGB, RGBA = 0, 1
SUSPENDED = 5
"""The status of a decoder that expects more data."""
ANIMATION_FLAG, ALPHA_FLAG = 0x02, 0x10
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


class Config(ctypes.Structure):
    _fields_ = [("input", _Features), ("output", _Output), ("options", _Options)]


@cache
def find() -> Any:
    """Returns the libwebp that Pillow has loaded; None without it, or if its version has another interface.

    Cached, because a child process cannot read /proc/self/maps once its limits are applied.
    """
    if not WebPImagePlugin.SUPPORTED:
        return None
    match = LIBRARY_PATH.search(MAPS_FILE.read_text()) if MAPS_FILE.exists() else None
    if not match:
        return None
    loaded = ctypes.CDLL(match[1])
    return loaded if hasattr(loaded, "WebPInitDecoderConfigInternal") else None


def config(library: Any, size: tuple[int, int], content: bytearray, *, has_alpha: bool) -> Config | None:
    """Returns a configuration that decodes into `content`, which has 3 or 4 bytes a pixel; None if the interface is another."""
    config, channels = Config(), 4 if has_alpha else 3
    if not library.WebPInitDecoderConfigInternal(ctypes.byref(config), ABI):
        return None
    pixels = (ctypes.c_char * len(content)).from_buffer(content)
    config.output.colorspace, config.output.is_external = RGBA if has_alpha else RGB, 1
    config.output.u.pixels = _Pixels(ctypes.addressof(pixels), size[0] * channels, len(pixels))
    return config


def decode_rows(library: Any, config: Config, data: bytes) -> int:
    """Decodes the rows that a part of a file has, and returns their number; 0 if the data is damaged."""
    library.WebPIDecode.restype = ctypes.c_void_p
    decoder = ctypes.c_void_p(library.WebPIDecode(None, ctypes.c_size_t(0), ctypes.byref(config)))
    if not decoder:
        raise MemoryError
    try:
        rows = ctypes.c_int(0)
        status = library.WebPIUpdate(decoder, data, ctypes.c_size_t(len(data)))
        if status not in (0, SUSPENDED):
            return 0
        library.WebPIDecGetRGB(decoder, ctypes.byref(rows), None, None, None)
        return rows.value
    finally:
        library.WebPIDelete(decoder)


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
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


def has_alpha(chunks: dict[bytes, bytes]) -> bool:
    """True if the extended header, or a lossless picture's header (RFC 9649, 3.4), has the alpha flag."""
    return bool(chunks.get(b"VP8X", b"\0")[0] & ALPHA_FLAG or chunks.get(b"VP8L", bytes(5))[4:5] > b"\x0f")


def is_animated(chunks: dict[bytes, bytes]) -> bool:
    return bool(chunks.get(b"VP8X", b"\0")[0] & ANIMATION_FLAG)


def describe(image: Image.Image, chunks: dict[bytes, bytes]) -> None:
    """Adds the file's metadata to the image, as Pillow's decoder does."""
    if b"ICCP" in chunks:
        image.info["icc_profile"] = chunks[b"ICCP"]
    image.info |= {"exif": chunks.get(b"EXIF", b""), "xmp": chunks.get(b"XMP ", b"")}
