"""The items of a HEIF or AVIF file: where their bytes lie, and how large its pictures are.

ISO/IEC 14496-12, 8.11.3 (`iloc`), and ISO/IEC 23008-12, 6.5.3 (`ispe`). Both are read before a decoder sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from processing.pipeline import boxes, refusals

MOST_BYTES = 4 * 1024 * 1024
MOST_EXTENTS = 65_536
NAMES = {
    "avc1": "coded as H.264", "vvc1": "coded as H.266", "j2k1": "coded as JPEG 2000", "jpeg": "coded as JPEG",
    "unci": "without compression", "evc1": "coded as EVC",
}  # fmt: skip
IN_FILE = 0
"""Construction method. The others lie within `meta` or within other items."""


class _Reader:
    """Big-endian numbers, one after the other. A box that ends too early is a cut or broken one."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self, size: int) -> int:
        end = self._at + size
        if end > len(self._content):
            raise refusals.Truncated
        value = int.from_bytes(self._content[self._at : end])
        self._at = end
        return value


def data_end(file: BinaryIO) -> int | None:
    """Where the last byte of any item lies, counted from the file's start; None when no item lies in the file itself."""
    ends = [end for box in boxes.found(file, b"meta", b"iloc") for end in _ends(boxes.body(file, box, MOST_BYTES))]
    return max(ends, default=None)


def largest(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of the largest picture that the file declares, before it is turned; None when it declares none."""
    sizes = []
    for box in boxes.found(file, b"meta", b"iprp", b"ipco", b"ispe"):
        content = boxes.body(file, box, 12)
        if len(content) == 12:
            sizes.append((int.from_bytes(content[4:8]), int.from_bytes(content[8:])))
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def coding(file: BinaryIO) -> str | None:
    """The four letters of how the main picture is coded (`hvc1`, `av01`, `grid`, ...); None when the file does not say."""
    main = next((boxes.body(file, box, 8) for box in boxes.found(file, b"meta", b"pitm")), b"")
    number = int.from_bytes(main[4:])
    for box in boxes.found(file, b"meta", b"iinf", b"infe"):
        content = boxes.body(file, box, 16)
        size = 4 if content[:1] == b"\3" else 2
        if content[:1] in (b"\2", b"\3") and int.from_bytes(content[4 : 4 + size]) == number:
            return content[6 + size : 10 + size].decode("ascii", "replace")
    return None


def _ends(content: bytes) -> Iterator[int]:
    reader = _Reader(content)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 0xF for shift in (12, 8, 4, 0))
    long = 4 if version >= 2 else 2
    left = MOST_EXTENTS
    for _ in range(reader.number(long)):
        reader.number(long)
        method = reader.number(2) & 0xF if version in (1, 2) else IN_FILE
        elsewhere = reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            left -= 1
            if left < 0:
                raise refusals.Bomb
            if version in (1, 2):
                reader.number(index_size)
            offset, length = reader.number(offset_size), reader.number(length_size)
            if method == IN_FILE and not elsewhere:
                yield base + offset + length
