"""The items of a HEIF or AVIF file: the offsets of their data, and the sizes of the pictures.

ISO/IEC 14496-12, 8.11.3 (`iloc`), and ISO/IEC 23008-12, 6.5.3 (`ispe`). Both are read before a decoder opens the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from processing.pipeline import errors
from processing.pipeline.containers import isobmff

MAX_BOX_BYTES = 4 * 1024 * 1024
MAX_EXTENTS = 65_536
NAMES = {
    "avc1": "coded as H.264", "vvc1": "coded as H.266", "j2k1": "coded as JPEG 2000", "jpeg": "coded as JPEG",
    "unci": "without compression", "evc1": "coded as EVC",
}  # fmt: skip
IN_FILE, IN_META = 0, 1
"""The construction methods for data at an offset in the file, and in the `idat` box of `meta`. With 2, it is in other items."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item. `coding` is its four-letter type, `extents` the offset and length of each part of its data in the file.

    `extents` is empty if the data is in another file or item.
    """

    coding: str
    extents: tuple[tuple[int, int], ...]


class _Reader:
    """Reads consecutive big-endian numbers. Raises Truncated if the box ends too early."""

    def __init__(self, content: bytes) -> None:
        self._content, self._offset = content, 0

    def number(self, size: int) -> int:
        end = self._offset + size
        if end > len(self._content):
            raise errors.Truncated
        value = int.from_bytes(self._content[self._offset : end])
        self._offset = end
        return value


def data_end(file: BinaryIO) -> int | None:
    """The offset after the last byte of any item; None if the file itself holds the data of no item."""
    return max((offset + length for _, offset, length in _extents(file)), default=None)


def without_appended_file(file: BinaryIO) -> BinaryIO:
    """The picture alone if a phone has appended another file, whose boxes libheif takes for those of the picture."""
    end = isobmff.own_end(file)
    if end == isobmff.length(file):
        return file
    file.seek(0)
    return BytesIO(file.read(end))


def main_items(file: BinaryIO) -> Iterator[Item]:
    """The main picture and the items that it is derived from, for example the tiles of a grid (ISO/IEC 23008-12, 6.6.2)."""
    extents: dict[int, list[tuple[int, int]]] = {}
    for item_id, offset, length in _extents(file):
        extents.setdefault(item_id, []).append((offset, length))
    codings, sources = dict(_codings(file)), _sources(file)
    visited: set[int] = set()
    pending = [_main_id(file)]
    while pending:
        item_id = pending.pop()
        if item_id in visited:
            continue
        visited.add(item_id)
        pending += sources.get(item_id, ())
        yield Item(codings.get(item_id, ""), tuple(extents.get(item_id, ())))


def largest(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of the largest picture that the file declares, before rotation; None if it declares none."""
    sizes = []
    for box in isobmff.find_boxes(file, b"meta", b"iprp", b"ipco", b"ispe"):
        content = isobmff.body(file, box, 12)
        if len(content) == 12:
            sizes.append((int.from_bytes(content[4:8]), int.from_bytes(content[8:])))
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def coding(file: BinaryIO) -> str | None:
    """The four-letter type of the main picture (`hvc1`, `av01`, `grid`, ...); None if the file does not declare it."""
    return dict(_codings(file)).get(_main_id(file))


def _main_id(file: BinaryIO) -> int:
    """The ID of the main picture's item; 0, which no item has, if the file does not declare it."""
    return int.from_bytes(
        next((isobmff.body(file, box, 8) for box in isobmff.find_boxes(file, b"meta", b"pitm")), b"")[4:]
    )


def _codings(file: BinaryIO) -> Iterator[tuple[int, str]]:
    for box in isobmff.find_boxes(file, b"meta", b"iinf", b"infe"):
        content = isobmff.body(file, box, 16)
        size = 4 if content[:1] == b"\3" else 2
        if content[:1] in (b"\2", b"\3"):
            yield int.from_bytes(content[4 : 4 + size]), content[6 + size : 10 + size].decode("ascii", "replace")


def _sources(file: BinaryIO) -> dict[int, list[int]]:
    """The IDs of the source items, by the ID of each derived item (`dimg`; ISO/IEC 14496-12, 8.11.12)."""
    sources: dict[int, list[int]] = {}
    for box in isobmff.find_boxes(file, b"meta", b"iref"):
        size = 4 if isobmff.body(file, box, 1) == b"\1" else 2
        for reference in isobmff.child_boxes(file, box.start + 4, box.end):
            if reference.kind == b"dimg":
                reader = _Reader(isobmff.body(file, reference, MAX_BOX_BYTES))
                derived = reader.number(size)
                sources.setdefault(derived, []).extend(reader.number(size) for _ in range(reader.number(2)))
    return sources


def _extents(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Item ID, offset and length of each extent in the file itself."""
    starts = {IN_FILE: 0}
    if idat := next(isobmff.find_boxes(file, b"meta", b"idat"), None):
        starts[IN_META] = idat.start
    for box in isobmff.find_boxes(file, b"meta", b"iloc"):
        for method, item, offset, length in _parse_locations(isobmff.body(file, box, MAX_BOX_BYTES)):
            if method in starts:
                yield item, starts[method] + offset, length


def _parse_locations(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Construction method, item ID, offset and length of each extent in this file."""
    reader = _Reader(content)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 0xF for shift in (12, 8, 4, 0))
    id_size = 4 if version >= 2 else 2
    remaining = MAX_EXTENTS
    for _ in range(reader.number(id_size)):
        item = reader.number(id_size)
        method = reader.number(2) & 0xF if version in (1, 2) else IN_FILE
        data_reference = reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            remaining -= 1
            if remaining < 0:
                raise errors.DecompressionBomb
            if version in (1, 2):
                reader.number(index_size)
            offset, length = reader.number(offset_size), reader.number(length_size)
            if not data_reference:
                yield method, item, base + offset, length
