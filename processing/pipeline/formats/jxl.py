"""Opens JPEG XL (ISO/IEC 18181) with libjxl.

The decoder returns all pixels at once, so this module first reads the size and the depth from the header. libjxl applies the
orientation. A file that was losslessly transcoded from a JPEG is converted back to that JPEG, which is decoded like any other.

libjxl is imported with the first such file.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors, memory_limits, orientation
from processing.pipeline.containers import isobmff
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import blocks
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.recipe import Limits

SIGNATURE = b"\xff\x0a"
READ_BYTES, MAX_HEADER_BYTES = 64, 32
# The bytes to skip in boxes with the codestream: `jxlp` has a part of it, after the part's number.
CODESTREAM_SKIP = {b"jxlc": 0, b"jxlp": 4}
THREADS = 2
TIFF_HEADS = (b"II*\0", b"MM\0*")
# 18181-1, 9.2.2: the number of bits of a side, by the two bits before it; and the ratio of width to height.
SIDE_BITS = (9, 13, 18, 30)
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def open_picture(file: BinaryIO, bounds: Limits) -> OpenedPicture:
    size, is_deep = read_header(_codestream(file))
    memory_limits.check_jxl(size, is_deep=is_deep, bounds=bounds)
    file.seek(0)
    return _decoded(file.read(), bounds)


def read_header(codestream: bytes) -> tuple[tuple[int, int], bool]:
    """The size, and True if samples have, or may have, more than eight bits. Raises Broken or Truncated."""
    bits = _bits(codestream)
    if codestream[:2] != SIGNATURE:
        raise errors.Broken
    try:
        _take(bits, 16)
        return _size(bits), _is_deep(bits)
    except StopIteration as error:
        raise errors.Truncated from error


def _decoded(content: bytes, bounds: Limits) -> OpenedPicture:
    from pillow_jxl import Decoder

    is_jpeg, info, pixels, profile, parts = Decoder(num_threads=THREADS)(content)
    if is_jpeg:
        image: Image.Image = Image.open(BytesIO(pixels), formats=("JPEG",))
        memory_limits.check_picture(image, bounds)
        return OpenedPicture(image, "JXL", blocks.of_image(image), orientation.turn(image))
    image = Image.frombytes(info.mode, (info.width, info.height), pixels)
    image.info["icc_profile"] = bytes(profile)
    return OpenedPicture(image, "JXL", _blocks({bytes(part.box_type): bytes(part.data) for part in parts}))


def _blocks(parts: dict[bytes, bytes]) -> Blocks:
    """The metadata blocks. EXIF follows a four-byte offset, which some writers omit."""
    exif = Image.Exif()
    content = parts.get(b"Exif", b"")
    start = 0 if content[:4] in TIFF_HEADS else 4 + int.from_bytes(content[:4])
    try:
        exif.load(content[start:])
    except Exception:  # noqa: BLE001 - Pillow raises any exception for a broken header.
        exif = Image.Exif()
    return blocks.of_exif(exif, (parts.get(b"xml ", b""),))


def _codestream(file: BinaryIO) -> bytes:
    """The first bytes of the codestream, which may be split into several boxes."""
    file.seek(0)
    head = file.read(READ_BYTES)
    if head.startswith(SIGNATURE):
        return head
    codestream = b""
    for box in isobmff.child_boxes(file, 0, isobmff.length(file)):
        if box.kind in CODESTREAM_SKIP:
            codestream += isobmff.body(file, box, READ_BYTES)[CODESTREAM_SKIP[box.kind] :]
        if len(codestream) >= MAX_HEADER_BYTES:
            break
    return codestream


def _bits(content: bytes) -> Iterator[int]:
    """The bits of each byte, the least significant first."""
    return (byte >> shift & 1 for byte in content for shift in range(8))


def _take(bits: Iterator[int], count: int) -> int:
    return sum(next(bits) << shift for shift in range(count))


def _size(bits: Iterator[int]) -> tuple[int, int]:
    is_small = _take(bits, 1)
    height = _side(bits, is_small)
    ratio = _take(bits, 3)
    if not ratio:
        return _side(bits, is_small), height
    numerator, denominator = RATIOS[ratio]
    return height * numerator // denominator, height


def _side(bits: Iterator[int], is_small: int) -> int:
    if is_small:
        return 8 * (_take(bits, 5) + 1)
    return _take(bits, SIDE_BITS[_take(bits, 2)]) + 1


def _is_deep(bits: Iterator[int]) -> bool:
    """True if samples have more than eight bits, or if extra fields precede the depth (9.2.5), which are not parsed.

    If all fields are default, samples have eight bits.
    """
    if _take(bits, 1):
        return False
    has_extra_fields, is_float = _take(bits, 1), _take(bits, 1)
    return bool(has_extra_fields or is_float or _take(bits, 2))
