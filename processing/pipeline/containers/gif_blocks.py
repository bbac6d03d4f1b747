"""Detects truncated GIFs (89a). Pillow opens a file that ends between or within frames as a shorter animation."""

from __future__ import annotations

import mmap
from typing import BinaryIO

from processing.pipeline import errors

EXTENSION, IMAGE = 0x21, 0x2C
SCREEN_BYTES, IMAGE_DESCRIPTOR_BYTES = 13, 10


def check_blocks(file: BinaryIO) -> None:
    """Raises Truncated if the file ends within a block. A missing trailer is accepted, because many writers omit it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            offset = SCREEN_BYTES + _colour_table_bytes(data[10])
            while offset < len(data) and data[offset] in (EXTENSION, IMAGE):
                offset = _block_end(data, offset)
        except IndexError as error:
            raise errors.Truncated from error


def _block_end(data: mmap.mmap, offset: int) -> int:
    """The offset after the block at `offset`.

    An extension is a label and sub-blocks. An image is a descriptor, an optional colour table, a code size and sub-blocks.
    """
    offset += 2 if data[offset] == EXTENSION else IMAGE_DESCRIPTOR_BYTES + _colour_table_bytes(data[offset + 9]) + 1
    while size := data[offset]:
        offset += 1 + size
    return offset + 1


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
