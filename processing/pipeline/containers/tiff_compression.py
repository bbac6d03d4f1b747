"""Decompresses one strip or tile of a TIFF (TIFF 6.0, sections 9 and 13; Adobe's Technical Note 1).

Deflate is decompressed by zlib, LZW and PackBits by Pillow's libtiff. Both of the latter work on bytes, independently of the
sample format, so Pillow gets a strip of any samples as a grey picture as wide as a row has bytes.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

from processing.pipeline import errors

NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS = 1, 5, 8, 32946, 32773
SUPPORTED = {NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS}
LONG = 4


def decompress(content: bytes, packing: int, row_bytes: int, rows: int) -> bytes:
    """The decompressed `row_bytes * rows` bytes. Raises Truncated if there are fewer, and the decoder's exceptions."""
    length = row_bytes * rows
    if packing in (DEFLATE, OLD_DEFLATE):
        content = zlib.decompressobj().decompress(content, length)
    elif packing != NONE:
        content = _by_libtiff(content, packing, row_bytes, rows)
    if len(content) < length:
        raise errors.Truncated
    return content[:length]


def _by_libtiff(content: bytes, packing: int, width: int, height: int) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: packing, 262: 1, 273: 0, 277: 1, 278: height, 279: len(content)}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, LONG, 1, value) for tag, value in tags.items())
    file = BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + content)
    with Image.open(file, formats=("TIFF",)) as image:
        return image.tobytes()
