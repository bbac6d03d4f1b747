"""Undoes the packing of one strip or tile of a TIFF (TIFF 6.0, sections 9 and 13; Adobe's Technical Note 1).

What zlib cannot, libtiff does, which Pillow brings along. Both packings are of bytes, whatever these stand for: so a strip of any
samples can be handed to Pillow as a grey picture, as wide as a row has bytes.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

from processing.pipeline import errors

NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS = 1, 5, 8, 32946, 32773
KNOWN = {NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS}
LONG = 4


def unpacked(content: bytes, packing: int, row_bytes: int, rows: int) -> bytes:
    """That many bytes. Raises Truncated for less, or whatever the decoder does."""
    length = row_bytes * rows
    if packing in (DEFLATE, OLD_DEFLATE):
        content = zlib.decompressobj().decompress(content, length)
    elif packing != NONE:
        content = _by_libtiff(content, packing, row_bytes, rows)
    if len(content) < length:
        raise errors.Truncated
    return content[:length]


def _by_libtiff(content: bytes, packing: int, width: int, height: int) -> bytes:
    grey = {256: width, 257: height, 258: 8, 259: packing, 262: 1, 273: 0, 277: 1, 278: height, 279: len(content)}
    grey[273] = 8 + 2 + 12 * len(grey) + 4
    entries = b"".join(struct.pack("<HHII", tag, LONG, 1, value) for tag, value in grey.items())
    file = BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", len(grey)) + entries + bytes(4) + content)
    with Image.open(file, formats=("TIFF",)) as image:
        return image.tobytes()
