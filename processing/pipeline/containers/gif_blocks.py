"""Is a GIF (89a) whole? Pillow takes one that was cut between or within its frames for a shorter one."""

from __future__ import annotations

import mmap
from typing import BinaryIO

from processing.pipeline import errors

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
SCREEN, IMAGE_HEAD = 13, 10


def check_blocks(file: BinaryIO) -> None:
    """Refuses a file that ends within a block. That the trailer alone is missing is forgiven: many writers forget it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            at = SCREEN + _colours(data[10])
            while at < len(data) and data[at] in (EXTENSION, IMAGE):
                at = _behind(data, at)
        except IndexError as error:
            raise errors.Truncated from error


def _behind(data: mmap.mmap, at: int) -> int:
    """An extension is a label and sub-blocks; an image its place, perhaps colours, a code size and sub-blocks."""
    at += 2 if data[at] == EXTENSION else IMAGE_HEAD + _colours(data[at + 9]) + 1
    while size := data[at]:
        at += 1 + size
    return at + 1


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
