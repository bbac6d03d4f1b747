"""TIFFs for the tests: pages in a chain or as SubIFDs, with any tags, in both byte orders, also as BigTIFF."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

SUBFILE, OLD_SUBFILE, ORIENTATION, SUB_IFDS, EXIF = 254, 255, 274, 330, 34665
PAGE_NUMBER = 297
SHORTS = (258, 259, 262, 277, ORIENTATION, OLD_SUBFILE, PAGE_NUMBER)
SHORT, LONG, ASCII = 3, 4, 2


@dataclass(frozen=True, slots=True)
class Page:
    """An RGB or grey picture as one uncompressed strip; `below` are its SubIFDs. Tag values are numbers, or bytes for text."""

    image: Image.Image
    tags: Mapping[int, int | bytes | tuple[int, ...]] = field(default_factory=dict)
    below: tuple[Page, ...] = ()


def written(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    word = "Q" if big else "I"
    magic = (43, 8, 0) if big else (42,)
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}{len(magic)}H", *magic))
    _chained(content, list(pages), order, word)
    return bytes(content)


def of_samples(
    samples: bytes,
    size: tuple[int, int],
    channels: int,
    tags: Mapping[int, int | bytes | tuple[int, ...]],
    *,
    order: str = "<",
    missing_bytes: int = 0,
) -> bytes:
    """Returns a TIFF with one strip of these samples, without the last `missing_bytes` bytes."""
    image = Image.new("L" if channels == 1 else "RGB", (1, 1))
    all_tags = {256: size[0], 257: size[1], 278: size[1], 273: 0, 279: len(samples), **tags}
    head = written(Page(image, all_tags), order=order)
    all_tags[273] = len(head)
    return written(Page(image, all_tags), order=order) + samples[: len(samples) - missing_bytes]


def _chained(content: bytearray, pages: list[Page], order: str, word: str) -> None:
    """Appends the directories, each of which points to the next; the first pointer is at the end of the content."""
    pointer = len(content)
    content += bytes(struct.calcsize(word))
    for page in pages:
        at = _append_page(content, page, order, word)
        struct.pack_into(order + word, content, pointer, at)
        pointer = _pointers.pop(at)


_pointers: dict[int, int] = {}


def _append_page(content: bytearray, page: Page, order: str, word: str) -> int:
    """Appends pixels, SubIFDs and the directory; returns the offset of the directory."""
    pixels_at = len(content)
    content += page.image.tobytes() + bytes(len(page.image.tobytes()) % 2)
    below = []
    for child in page.below:
        below.append(_append_page(content, child, order, word))
        _pointers.pop(below[-1])
    channels = len(page.image.getbands())
    tags: dict[int, object] = {
        256: page.image.width, 257: page.image.height, 258: (8,) * channels, 259: 1, 262: 2 if channels == 3 else 1,
        273: pixels_at, 277: channels, 278: page.image.height, 279: len(page.image.tobytes()), **page.tags,
    }  # fmt: skip
    if below:
        tags[SUB_IFDS] = tuple(below)
    entries = []
    for tag, value in sorted(tags.items()):
        if isinstance(value, bytes):
            kind, count, raw = ASCII, len(value), value
        else:
            numbers = value if isinstance(value, tuple) else (value,)
            kind, form = (SHORT, "H") if tag in SHORTS else (LONG, "I")
            count, raw = len(numbers), struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        width = struct.calcsize(word)
        if len(raw) > width:
            content += bytes(len(content) % 2)
            value_at = len(content)
            content += raw
            raw = struct.pack(order + word, value_at)
        entries.append(struct.pack(f"{order}HH{word}", tag, kind, count) + raw.ljust(width, b"\0"))
    content += bytes(len(content) % 2)
    at = len(content)
    content += struct.pack(order + ("Q" if word == "Q" else "H"), len(entries)) + b"".join(entries)
    _pointers[at] = len(content)
    content += bytes(struct.calcsize(word))
    return at
