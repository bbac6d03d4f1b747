"""Reads the boxes (ISO/IEC 14496-12) of HEIF, AVIF, CR3 and JPEG XL files: a length, a type and a body."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

KIND = re.compile(rb"[ -~\xa9]{4}")
MAX_BOXES = 4096
"""The limit of boxes on one level. No picture has as many."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box; `start` and `end` are the offsets of its body. In a truncated file, the last box ends after the file's end."""

    kind: bytes
    start: int
    end: int


def length(file: BinaryIO) -> int:
    """Returns the length of the file in bytes. The file's position stays."""
    position = file.tell()
    try:
        return file.seek(0, os.SEEK_END)
    finally:
        file.seek(position)


def child_boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets. Stops at trailing bytes that are no box, which some cameras write."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, body = int.from_bytes(head[:4]), start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16]), start + 16
        if size == 0:
            size = end - start
        if size < body - start or not KIND.fullmatch(head[4:8]):
            return
        yield Box(head[4:8], body, start + size)
        start += size


def own_end(file: BinaryIO) -> int:
    """The offset of a second `ftyp` box, with which an appended file begins, such as a phone's video; else the file's length."""
    end = length(file)
    starts = [box.start - 8 for box in child_boxes(file, 0, end) if box.kind == b"ftyp"]
    return starts[1] if len(starts) > 1 else end


def find_boxes(file: BinaryIO, *path: bytes) -> Iterator[Box]:
    """All boxes with that path of types from the file's root; none of an appended file.

    A box is cut at the end of its parent, so that the walk ends even if the lengths are wrong.
    """
    boxes = [Box(b"", 0, own_end(file))]
    for kind in path:
        boxes = [
            replace(child, end=min(child.end, box.end))
            for box in boxes
            for child in child_boxes(file, box.start + _header_bytes(file, box), box.end)
            if child.kind == kind
        ]
    yield from boxes


def _header_bytes(file: BinaryIO, box: Box) -> int:
    """The number of bytes before the children: `meta` and `iinf` are full boxes, and `iinf` also has their count."""
    if box.kind == b"iinf":
        return 8 if body(file, box, 1) != b"\0" else 6
    return 4 if box.kind == b"meta" else 0


def body(file: BinaryIO, box: Box, limit: int) -> bytes:
    file.seek(box.start)
    return file.read(min(limit, box.end - box.start))
