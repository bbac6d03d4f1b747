"""Checks a picture's header against the limits: pixels, sides and the memory that decoding would take.

The constants are peak resident sizes measured with Pillow 13, rounded up by a byte or two per pixel.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors
from processing.pipeline.containers import heif_items
from processing.pipeline.recipe import MEGA, Limits, scaled_size

PROCESS_BYTES = 48 * 1_000_000
# Pillow stores RGB in four bytes. A transparent image is copied once more, to be resized premultiplied.
BYTES_PER_PIXEL = {"1": 2, "L": 2, "P": 9, "PA": 9, "LA": 8, "RGBA": 8, "I;16": 9, "I;16B": 9}
USUAL_BYTES_PER_PIXEL = 5
# Bytes per pixel of the largest rendition while it is made: with alpha, of its premultiplied copy and of two bands too.
SHRUNK, SHRUNK_ALPHA = 4, 14
# The same while it is encoded: the rendition, the next one, and libwebp's memory. Noisy transparency takes 45.
ENCODING, ENCODING_ALPHA = 14, 22
# In addition: libwebp's two canvases and a copy, the buffers of libheif and libavif, a TIFF in a single strip.
DECODER_BYTES_PER_PIXEL = {"WEBP": 12, "AVIF": 4, "HEIF": 3, "TIFF": 4}
WEBP_CANVASES = 8
# LibRaw's 16-bit cells and four-colour pixels, its 8-bit result and Pillow's copy; the libraries NumPy and LibRaw themselves.
WHOLE_RAW, HALF_RAW, RAW_LIBRARIES = 13, 5.5, 24 * 1_000_000
DEEP, ROWS_PER_STRIP = 14, 278
JXL, DEEP_JXL = 8, 14
READ_WHOLE = {"WEBP", "AVIF", "HEIF", "JXL"}
"""Formats of which the decoder reads the whole file into memory."""
CAMERA_PIXELS = 250 * MEGA
"""No camera makes larger pictures. A larger one is neither decoded in bands nor given more memory than usual."""
AVIF_PIXELS, AVIF_EDGE = 16_384 * 16_384, 32_768
"""The largest pictures that libavif opens."""


def check_file(file: BinaryIO, name: str, bounds: Limits) -> int:
    """Checks what is possible before a decoder reads the header. Returns the bytes of memory that reading the header takes.

    Some decoders read the whole file into memory for it, and libwebp allocates its canvases.
    """
    if name not in READ_WHOLE:
        return 0
    if name in ("AVIF", "HEIF") and (size := heif_items.largest(file)):
        _check_size(size, min(bounds.other_pixels, AVIF_PIXELS) if name == "AVIF" else bounds.other_pixels, bounds)
        if name == "AVIF" and max(size) > AVIF_EDGE:
            raise errors.TooWide(*size, AVIF_EDGE)
    length = os.fstat(file.fileno()).st_size
    if length > bounds.max_buffered_bytes:
        raise errors.TooMuchMemory(4 * length, bounds.max_buffered_bytes)
    return 2 * length + (_check_webp(file, bounds) if name == "WEBP" else 0)


def check_picture(image: Image.Image, bounds: Limits) -> None:
    is_jpeg = image.format in ("JPEG", "MPO")
    _check_size(image.size, bounds.jpeg_pixels if is_jpeg else bounds.other_pixels, bounds)
    check_memory(peak_memory(image, bounds.largest_edge), bounds, image.size)


def check_repair(image: Image.Image, length: int, bounds: Limits) -> None:
    """Checks a damaged JPEG, which is decoded twice at the same time, from copies of the file."""
    if length > bounds.max_buffered_bytes:
        raise errors.TooMuchMemory(4 * length, bounds.max_buffered_bytes)
    decoded = _draft_pixels(image, scaled_size(image.size, bounds.largest_edge)) * USUAL_BYTES_PER_PIXEL
    check_memory(peak_memory(image, bounds.largest_edge) + 2 * decoded + 4 * length, bounds)


def large_webp_memory(size: tuple[int, int], small: tuple[int, int]) -> int:
    """Returns the memory for scaling in libwebp: all pixels once, which lossless files need, and the small ones a few times."""
    return PROCESS_BYTES + 4 * size[0] * size[1] + 12 * small[0] * small[1]


def banded_memory(small: tuple[int, int], edge: int, band_bytes: int) -> int:
    """Returns the memory for decoding in bands: the current bands, and the small picture while its renditions are made."""
    width, height = scaled_size(small, edge)
    return PROCESS_BYTES + band_bytes + small[0] * small[1] * 9 + width * height * ENCODING_ALPHA


def check_raw(size: tuple[int, int], bounds: Limits) -> None:
    """Checks the sensor's size. Its memory is checked separately, because the sensor data need not be developed."""
    _check_size(size, bounds.raw_pixels, bounds)


def raw_memory(size: tuple[int, int], *, is_half: bool) -> int:
    """Returns the bytes that LibRaw and the developed picture take."""
    return PROCESS_BYTES + RAW_LIBRARIES + int(size[0] * size[1] * (HALF_RAW if is_half else WHOLE_RAW))


def check_float_tiff(size: tuple[int, int], bytes_per_pixel: int, bounds: Limits) -> None:
    _check_size(size, bounds.other_pixels, bounds)
    check_memory(PROCESS_BYTES + RAW_LIBRARIES + size[0] * size[1] * bytes_per_pixel, bounds, size)


def high_bit_depth_memory(image: Image.Image) -> int:
    """Returns the bytes for the two halves of 16-bit samples, one combined channel, and libtiff's strip."""
    strip = image.width * min(image.height, int(getattr(image, "tag_v2", {}).get(ROWS_PER_STRIP, 0))) * 8
    return PROCESS_BYTES + RAW_LIBRARIES + image.width * image.height * DEEP + strip


def check_jxl(size: tuple[int, int], *, is_deep: bool, bounds: Limits) -> None:
    """Checks a JPEG XL. There is no later check, because libjxl decodes the whole picture in one call."""
    _check_size(size, bounds.other_pixels, bounds)
    check_memory(PROCESS_BYTES + size[0] * size[1] * (DEEP_JXL if is_deep else JXL), bounds, size)


def check_memory(needed: int, bounds: Limits, size: tuple[int, int] = (0, 0)) -> None:
    """Raises TooMuchMemory if `needed` bytes exceed the limit.

    If `size` is above CAMERA_PIXELS, the exception's `needed` is 0, so that the file is not retried with more memory.
    """
    if bounds.memory_bytes is not None and needed > bounds.memory_bytes:
        too_heavy = errors.TooMuchMemory(needed, bounds.memory_bytes)
        if size[0] * size[1] > CAMERA_PIXELS:
            too_heavy.needed = 0
        raise too_heavy


def peak_memory(image: Image.Image, edge: int) -> int:
    """Returns the peak memory of developing the picture in bytes, estimated from its header; `edge` is the largest rendition's.

    The peak is during decoding, shrinking or encoding.
    """
    pixels, target = image.width * image.height, scaled_size(image.size, edge)
    small = target[0] * target[1]
    encoding = small * (ENCODING_ALPHA if _has_alpha(image) else ENCODING)
    if image.format in ("JPEG", "MPO"):
        decoded = _draft_pixels(image, target) * USUAL_BYTES_PER_PIXEL
        return PROCESS_BYTES + max(decoded + _coefficients(image, pixels), decoded + small * SHRUNK, encoding)
    canvases = pixels * WEBP_CANVASES if image.format == "WEBP" else 0
    per_pixel = BYTES_PER_PIXEL.get(image.mode, USUAL_BYTES_PER_PIXEL) + DECODER_BYTES_PER_PIXEL.get(
        str(image.format), 0
    )
    shrinking = pixels * per_pixel + small * (SHRUNK_ALPHA if _has_alpha(image) else SHRUNK)
    return PROCESS_BYTES + max(shrinking, encoding + canvases)


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info


def _draft_pixels(image: Image.Image, target: tuple[int, int]) -> int:
    """Returns the pixels of the draft that Pillow chooses: the smallest with no side shorter than the target's."""
    if image.info.get("lossless"):
        return image.width * image.height
    scale = min(image.width // target[0], image.height // target[1], 8)
    return image.width * image.height // (1 << (scale.bit_length() - 1)) ** 2


def _coefficients(image: Image.Image, pixels: int) -> int:
    """Returns the bytes of a progressive JPEG's coefficients, which libjpeg keeps until the last scan."""
    if not image.info.get("progressive"):
        return 0
    layers = getattr(image, "layer", [])
    largest = max((h * v for _, h, v, _ in layers), default=1) or 1
    return int(2 * pixels * sum(h * v for _, h, v, _ in layers) // largest)


def _check_size(size: tuple[int, int], max_pixels: int, bounds: Limits) -> None:
    width, height = size
    if width * height > max_pixels:
        raise errors.TooManyPixels(width, height, max_pixels)
    if max(size) > bounds.edge:
        raise errors.TooWide(width, height, bounds.edge)
    if min(size) < 1:
        raise errors.Broken


def _check_webp(file: BinaryIO, bounds: Limits) -> int:
    width, height = webp_size(file)
    _check_size((width, height), bounds.other_pixels, bounds)
    bytes_per_pixel = USUAL_BYTES_PER_PIXEL + DECODER_BYTES_PER_PIXEL["WEBP"]
    check_memory(PROCESS_BYTES + width * height * bytes_per_pixel, bounds, (width, height))
    return width * height * WEBP_CANVASES


def webp_size(file: BinaryIO) -> tuple[int, int]:
    """Parses the size from the header (RFC 9649), because Pillow allocates the canvas twice while opening the file."""
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
