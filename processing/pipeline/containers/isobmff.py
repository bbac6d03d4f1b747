"""The boxes of ISO/IEC 14496-12, of which HEIF, AVIF, CR3 and JPEG XL files are made: a length, a kind, a body."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

KIND = re.compile(rb"[ -~\xa9]{4}")
MOST = 4096
"""Boxes in one place; no picture has as many."""


@dataclass(frozen=True, slots=True)
class Box:
    """`start` and `end` are its body's. A cut file's last box ends behind the file's end."""

    kind: bytes
    start: int
    end: int


def length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def inside(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """One after the other; trailing bytes that are no box, as cameras leave them, end the walk."""
    for _ in range(MOST):
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


def found(file: BinaryIO, *path: bytes) -> Iterator[Box]:
    """All boxes of that path from the file's root, none beyond the one around it: so the walk ends, whatever they say.

    `meta` is a full box: four bytes stand before its children; and so is `iinf`, which counts them besides.
    """
    boxes = [Box(b"", 0, length(file))]
    for kind in path:
        boxes = [
            replace(child, end=min(child.end, box.end))
            for box in boxes
            for child in inside(file, box.start + _before_children(file, box), box.end)
            if child.kind == kind
        ]
    yield from boxes


def _before_children(file: BinaryIO, box: Box) -> int:
    if box.kind == b"iinf":
        return 8 if body(file, box, 1) != b"\0" else 6
    return 4 if box.kind == b"meta" else 0


def body(file: BinaryIO, box: Box, most: int) -> bytes:
    file.seek(box.start)
    return file.read(min(most, box.end - box.start))
