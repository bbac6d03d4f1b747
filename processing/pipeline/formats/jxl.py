"""JPEG XL (ISO/IEC 18181), through libjxl.

The decoder gives all pixels at once, so the header is read by hand before: sizes and depth stand in its first bits. libjxl turns
pictures upright itself. One made from a JPEG without loss is unpacked to that JPEG, and decoded as such.

libjxl is loaded by the first such file: other photos need not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors, memory_limits, orientation
from processing.pipeline.containers import isobmff
from processing.pipeline.formats.opened import Opened
from processing.pipeline.metadata import blocks
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.recipe import Limits

SIGNATURE = b"\xff\x0a"
HEADER_BYTES, MOST_HEADER = 64, 32
# Boxes with the whole codestream, and with a part of it behind the part's number.
SKIPPED = {b"jxlc": 0, b"jxlp": 4}
THREADS = 2
TIFF_HEADS = (b"II*\0", b"MM\0*")
# 18181-1, 9.2.2: how many bits a side has, by two bits before it; and a width by its ratio to the height.
SIDES = (9, 13, 18, 30)
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def opened(file: BinaryIO, bounds: Limits) -> Opened:
    size, is_deep = read_header(_codestream(file))
    memory_limits.check_jxl(size, is_deep=is_deep, bounds=bounds)
    file.seek(0)
    return _decoded(file.read(), bounds)


def read_header(codestream: bytes) -> tuple[tuple[int, int], bool]:
    """The size, and whether samples have, or may have, more than eight bits."""
    bits = _bits(codestream)
    if codestream[:2] != SIGNATURE:
        raise errors.Broken
    try:
        _take(bits, 16)
        return _size(bits), _is_deep(bits)
    except StopIteration as error:
        raise errors.Truncated from error


def _decoded(content: bytes, bounds: Limits) -> Opened:
    from pillow_jxl import Decoder

    is_jpeg, info, pixels, profile, parts = Decoder(num_threads=THREADS)(content)
    if is_jpeg:
        image: Image.Image = Image.open(BytesIO(pixels), formats=("JPEG",))
        memory_limits.check_picture(image, bounds)
        return Opened(image, "JXL", blocks.of_image(image), orientation.turn(image))
    image = Image.frombytes(info.mode, (info.width, info.height), pixels)
    image.info["icc_profile"] = bytes(profile)
    return Opened(image, "JXL", _blocks({bytes(part.box_type): bytes(part.data) for part in parts}))


def _blocks(parts: dict[bytes, bytes]) -> Blocks:
    """EXIF stands behind four bytes that say where in the box it begins; some writers forget them."""
    exif = Image.Exif()
    content = parts.get(b"Exif", b"")
    start = 0 if content[:4] in TIFF_HEADS else 4 + int.from_bytes(content[:4])
    try:
        exif.load(content[start:])
    except Exception:  # noqa: BLE001 - over a broken header Pillow raises anything.
        exif = Image.Exif()
    return blocks.of_exif(exif, (parts.get(b"xml ", b""),))


def _codestream(file: BinaryIO) -> bytes:
    """The first bytes of the picture itself, which may be split over several boxes."""
    file.seek(0)
    head = file.read(HEADER_BYTES)
    if head.startswith(SIGNATURE):
        return head
    found = b""
    for box in isobmff.inside(file, 0, isobmff.length(file)):
        if box.kind in SKIPPED:
            found += isobmff.body(file, box, HEADER_BYTES)[SKIPPED[box.kind] :]
        if len(found) >= MOST_HEADER:
            break
    return found


def _bits(content: bytes) -> Iterator[int]:
    """Least significant first."""
    return (byte >> place & 1 for byte in content for place in range(8))


def _take(bits: Iterator[int], count: int) -> int:
    return sum(next(bits) << place for place in range(count))


def _size(bits: Iterator[int]) -> tuple[int, int]:
    is_small = _take(bits, 1)
    height = _side(bits, is_small)
    ratio = _take(bits, 3)
    if not ratio:
        return _side(bits, is_small), height
    over, under = RATIOS[ratio]
    return height * over // under, height


def _side(bits: Iterator[int], is_small: int) -> int:
    if is_small:
        return 8 * (_take(bits, 5) + 1)
    return _take(bits, SIDES[_take(bits, 2)]) + 1


def _is_deep(bits: Iterator[int]) -> bool:
    """9.2.5: all defaults mean eight bits; where extra fields stand in between, it is not worth reading on."""
    if _take(bits, 1):
        return False
    has_extra_fields, is_float = _take(bits, 1), _take(bits, 1)
    return bool(has_extra_fields or is_float or _take(bits, 2))
