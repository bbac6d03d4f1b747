"""The items of a HEIF or AVIF file: where their bytes lie, and how large its pictures are.

ISO/IEC 14496-12, 8.11.3 (`iloc`), and ISO/IEC 23008-12, 6.5.3 (`ispe`). Both are read before a decoder sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from processing.pipeline import errors
from processing.pipeline.containers import isobmff

MOST_BYTES = 4 * 1024 * 1024
MOST_EXTENTS = 65_536
NAMES = {
    "avc1": "coded as H.264", "vvc1": "coded as H.266", "j2k1": "coded as JPEG 2000", "jpeg": "coded as JPEG",
    "unci": "without compression", "evc1": "coded as EVC",
}  # fmt: skip
IN_FILE = 0
"""Construction method. The others lie within `meta` or within other items."""


@dataclass(frozen=True, slots=True)
class Item:
    """`coding`: four letters. `extents`: offset in the file and length of each piece of its data; none if they lie elsewhere."""

    coding: str
    extents: tuple[tuple[int, int], ...]


class _Reader:
    """Big-endian numbers, one after the other. A box that ends too early is a cut or broken one."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self, size: int) -> int:
        end = self._at + size
        if end > len(self._content):
            raise errors.Truncated
        value = int.from_bytes(self._content[self._at : end])
        self._at = end
        return value


def data_end(file: BinaryIO) -> int | None:
    """Where the last byte of any item lies, counted from the file's start; None when no item lies in the file itself."""
    return max((at + length for _, at, length in _extents(file)), default=None)


def shown(file: BinaryIO) -> Iterator[Item]:
    """The main picture and, of one that is made of others as a grid is of tiles, these (ISO/IEC 23008-12, 6.6.2)."""
    extents: dict[int, list[tuple[int, int]]] = {}
    for number, at, length in _extents(file):
        extents.setdefault(number, []).append((at, length))
    codings, sources = dict(_codings(file)), _sources(file)
    seen: set[int] = set()
    waiting = [_main(file)]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        waiting += sources.get(number, ())
        yield Item(codings.get(number, ""), tuple(extents.get(number, ())))


def largest(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of the largest picture that the file declares, before it is turned; None when it declares none."""
    sizes = []
    for box in isobmff.found(file, b"meta", b"iprp", b"ipco", b"ispe"):
        content = isobmff.body(file, box, 12)
        if len(content) == 12:
            sizes.append((int.from_bytes(content[4:8]), int.from_bytes(content[8:])))
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def coding(file: BinaryIO) -> str | None:
    """The four letters of how the main picture is coded (`hvc1`, `av01`, `grid`, ...); None when the file does not say."""
    return dict(_codings(file)).get(_main(file))


def _main(file: BinaryIO) -> int:
    """The number of the main picture's item; 0, which none has, when the file does not say."""
    return int.from_bytes(next((isobmff.body(file, box, 8) for box in isobmff.found(file, b"meta", b"pitm")), b"")[4:])


def _codings(file: BinaryIO) -> Iterator[tuple[int, str]]:
    for box in isobmff.found(file, b"meta", b"iinf", b"infe"):
        content = isobmff.body(file, box, 16)
        size = 4 if content[:1] == b"\3" else 2
        if content[:1] in (b"\2", b"\3"):
            yield int.from_bytes(content[4 : 4 + size]), content[6 + size : 10 + size].decode("ascii", "replace")


def _sources(file: BinaryIO) -> dict[int, list[int]]:
    """Of each item that is made of others, their numbers (`dimg`; ISO/IEC 14496-12, 8.11.12)."""
    found: dict[int, list[int]] = {}
    for box in isobmff.found(file, b"meta", b"iref"):
        size = 4 if isobmff.body(file, box, 1) == b"\1" else 2
        for reference in isobmff.inside(file, box.start + 4, box.end):
            if reference.kind == b"dimg":
                reader = _Reader(isobmff.body(file, reference, MOST_BYTES))
                made = reader.number(size)
                found.setdefault(made, []).extend(reader.number(size) for _ in range(reader.number(2)))
    return found


def _extents(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Item, offset in the file, and length of each piece of data that lies in the file itself."""
    for box in isobmff.found(file, b"meta", b"iloc"):
        yield from _located(isobmff.body(file, box, MOST_BYTES))


def _located(content: bytes) -> Iterator[tuple[int, int, int]]:
    reader = _Reader(content)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 0xF for shift in (12, 8, 4, 0))
    long = 4 if version >= 2 else 2
    left = MOST_EXTENTS
    for _ in range(reader.number(long)):
        item = reader.number(long)
        method = reader.number(2) & 0xF if version in (1, 2) else IN_FILE
        elsewhere = reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            left -= 1
            if left < 0:
                raise errors.Bomb
            if version in (1, 2):
                reader.number(index_size)
            offset, length = reader.number(offset_size), reader.number(length_size)
            if method == IN_FILE and not elsewhere:
                yield item, base + offset, length
