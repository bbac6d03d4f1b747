"""Judges a picture by its header: pixels, sides and the memory that decoding it would take.

The figures are peak resident sizes measured with Pillow 13, a byte or two per pixel on the safe side.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors
from processing.pipeline.containers import heif_items
from processing.pipeline.recipe import MEGA, Limits, fitted

PROCESS_BYTES = 48 * 1_000_000
# Pillow keeps RGB in four bytes; what has transparency is copied once more to be resized premultiplied.
BYTES_PER_PIXEL = {"1": 2, "L": 2, "P": 9, "PA": 9, "LA": 8, "RGBA": 8, "I;16": 9, "I;16B": 9}
USUAL_BYTES_PER_PIXEL = 5
# Of the largest rendition, while it comes into being: premultiplied first, and with what two bands need.
SHRUNK, SHRUNK_ALPHA = 4, 14
# The same while it is encoded: itself, the next one, and what libwebp holds. Transparency that is noise takes 45.
ENCODING, ENCODING_ALPHA = 14, 22
# On top: libwebp's two canvases and a copy, what libheif and libavif hold, a TIFF stored in a single strip.
DECODER_BYTES_PER_PIXEL = {"WEBP": 12, "AVIF": 4, "HEIF": 3, "TIFF": 4}
WEBP_CANVASES = 8
# LibRaw's 16-bit cells and four-colour pixels, its 8-bit result and Pillow's; NumPy and LibRaw themselves.
WHOLE_RAW, HALF_RAW, RAW_LIBRARIES = 13, 5.5, 24 * 1_000_000
DEEP, ROWS_PER_STRIP = 14, 278
JXL, DEEP_JXL = 8, 14
SWALLOWED = {"WEBP", "AVIF", "HEIF", "JXL"}
CAMERA_PIXELS = 250 * MEGA
"""No camera's picture has more: a larger one is neither read in bands nor given more memory than others."""
AVIF_PIXELS, AVIF_EDGE = 16_384 * 16_384, 32_768
"""What libavif opens at most."""


def check_file(file: BinaryIO, name: str, bounds: Limits) -> int:
    """What must be known before the header may be read. Returns the bytes of memory that reading it takes.

    Some decoders take the whole file into memory then, and libwebp allocates its canvases.
    """
    if name not in SWALLOWED:
        return 0
    if name in ("AVIF", "HEIF") and (size := heif_items.largest(file)):
        _check_size(size, min(bounds.other_pixels, AVIF_PIXELS) if name == "AVIF" else bounds.other_pixels, bounds)
        if name == "AVIF" and max(size) > AVIF_EDGE:
            raise errors.TooWide(*size, AVIF_EDGE)
    length = os.fstat(file.fileno()).st_size
    if length > bounds.swallowed_bytes:
        raise errors.TooHeavy(4 * length, bounds.swallowed_bytes)
    return 2 * length + (_check_webp(file, bounds) if name == "WEBP" else 0)


def check_picture(image: Image.Image, bounds: Limits) -> None:
    is_jpeg = image.format in ("JPEG", "MPO")
    _check_size(image.size, bounds.jpeg_pixels if is_jpeg else bounds.other_pixels, bounds)
    check_memory(memory(image, bounds.largest_edge), bounds, image.size)


def check_repair(image: Image.Image, length: int, bounds: Limits) -> None:
    """A damaged JPEG is decoded twice at once, from copies of the file."""
    if length > bounds.swallowed_bytes:
        raise errors.TooHeavy(4 * length, bounds.swallowed_bytes)
    decoded = _draft(image, fitted(image.size, bounds.largest_edge)) * USUAL_BYTES_PER_PIXEL
    check_memory(memory(image, bounds.largest_edge) + 2 * decoded + 4 * length, bounds)


def large_webp_memory(size: tuple[int, int], small: tuple[int, int]) -> int:
    """Decoded to a smaller size, by libwebp itself: all pixels once if it is lossless, and the small ones a few times."""
    return PROCESS_BYTES + 4 * size[0] * size[1] + 12 * small[0] * small[1]


def banded_memory(small: tuple[int, int], edge: int, band_bytes: int) -> int:
    """Decoded in bands to a smaller size: bands in work, and the small picture while renditions are made of it."""
    to = fitted(small, edge)
    return PROCESS_BYTES + band_bytes + small[0] * small[1] * 9 + to[0] * to[1] * ENCODING_ALPHA


def check_raw(size: tuple[int, int], bounds: Limits) -> None:
    """The sensor's size. Its data need not be developed, so their memory is another question."""
    _check_size(size, bounds.raw_pixels, bounds)


def raw_memory(size: tuple[int, int], *, is_half: bool) -> int:
    """Bytes that LibRaw and the developed picture take."""
    return PROCESS_BYTES + RAW_LIBRARIES + int(size[0] * size[1] * (HALF_RAW if is_half else WHOLE_RAW))


def check_floating(size: tuple[int, int], each: int, bounds: Limits) -> None:
    _check_size(size, bounds.other_pixels, bounds)
    check_memory(PROCESS_BYTES + RAW_LIBRARIES + size[0] * size[1] * each, bounds, size)


def deep_memory(image: Image.Image) -> int:
    """Bytes that both halves of sixteen-bit samples take, a channel joined of them, and libtiff's strip."""
    strip = image.width * min(image.height, int(getattr(image, "tag_v2", {}).get(ROWS_PER_STRIP, 0))) * 8
    return PROCESS_BYTES + RAW_LIBRARIES + image.width * image.height * DEEP + strip


def check_jxl(size: tuple[int, int], *, is_deep: bool, bounds: Limits) -> None:
    """libjxl gives everything at once, so that this is all that can be asked before."""
    _check_size(size, bounds.other_pixels, bounds)
    check_memory(PROCESS_BYTES + size[0] * size[1] * (DEEP_JXL if is_deep else JXL), bounds, size)


def check_memory(needed: int, bounds: Limits, size: tuple[int, int] = (0, 0)) -> None:
    """Refuses what takes more than there is; for good, if no camera makes pictures of that size."""
    if bounds.memory_bytes is not None and needed > bounds.memory_bytes:
        refusal = errors.TooHeavy(needed, bounds.memory_bytes)
        if size[0] * size[1] > CAMERA_PIXELS:
            refusal.needed = 0
        raise refusal


def memory(image: Image.Image, edge: int) -> int:
    """Bytes that developing the picture will take at its peak, estimated from its header; `edge` is the largest rendition's.

    That is while it is decoded, made smaller, or encoded.
    """
    pixels, to = image.width * image.height, fitted(image.size, edge)
    small = to[0] * to[1]
    encoding = small * (ENCODING_ALPHA if _has_alpha(image) else ENCODING)
    if image.format in ("JPEG", "MPO"):
        decoded, more = _draft(image, to) * USUAL_BYTES_PER_PIXEL, _coefficients(image, pixels)
        return PROCESS_BYTES + max(decoded + more, decoded + small * SHRUNK, encoding)
    held = pixels * WEBP_CANVASES if image.format == "WEBP" else 0
    each = BYTES_PER_PIXEL.get(image.mode, USUAL_BYTES_PER_PIXEL) + DECODER_BYTES_PER_PIXEL.get(str(image.format), 0)
    return PROCESS_BYTES + max(pixels * each + small * (SHRUNK_ALPHA if _has_alpha(image) else SHRUNK), encoding + held)


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info


def _draft(image: Image.Image, to: tuple[int, int]) -> int:
    """Its pixels: as Pillow chooses it, neither of its sides is shorter than what is to come of it."""
    if image.info.get("lossless"):
        return image.width * image.height
    scale = min(image.width // to[0], image.height // to[1], 8)
    return image.width * image.height // (1 << (scale.bit_length() - 1)) ** 2


def _coefficients(image: Image.Image, pixels: int) -> int:
    """Those of a progressive file are all kept until its last scan."""
    if not image.info.get("progressive"):
        return 0
    layers = getattr(image, "layer", [])
    widest = max((h * v for _, h, v, _ in layers), default=1) or 1
    return int(2 * pixels * sum(h * v for _, h, v, _ in layers) // widest)


def _check_size(size: tuple[int, int], most: int, bounds: Limits) -> None:
    width, height = size
    if width * height > most:
        raise errors.TooManyPixels(width, height, most)
    if max(size) > bounds.edge:
        raise errors.TooWide(width, height, bounds.edge)
    if min(size) < 1:
        raise errors.Broken


def _check_webp(file: BinaryIO, bounds: Limits) -> int:
    width, height = webp_size(file)
    _check_size((width, height), bounds.other_pixels, bounds)
    each = USUAL_BYTES_PER_PIXEL + DECODER_BYTES_PER_PIXEL["WEBP"]
    check_memory(PROCESS_BYTES + width * height * each, bounds, (width, height))
    return width * height * WEBP_CANVASES


def webp_size(file: BinaryIO) -> tuple[int, int]:
    """Read by hand (RFC 9649): Pillow allocates the canvas twice while it opens the file."""
    file.seek(12)
    head = file.read(18).ljust(18, b"\0")
    kind = head[:4]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[12:15], "little"), 1 + int.from_bytes(head[15:18], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[9:13], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[14:18])
        return width & 0x3FFF, height & 0x3FFF
    raise errors.Broken
