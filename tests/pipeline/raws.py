"""Camera RAW files for the tests: the smallest DNG (1.4) that LibRaw accepts."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

WHITE = 16383
KINDS = {bytes: 1, str: 2, int: 4}
SHORT, LONG, RATIONAL, SRATIONAL = 3, 4, 5, 10
# XYZ (D65) to linear sRGB, so that the sensor's colours are sRGB's.
MATRIX = (3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259, 1.0572252)
Tag = tuple[int, int, bytes]


def dng(
    path: Path,
    size: tuple[int, int],
    colour: tuple[int, int, int],
    *,
    orientation: int = 1,
    preview: bytes = b"",
    left: tuple[int, int, int] | None = None,
    tags: Mapping[int, str] | None = None,
) -> Path:
    """Writes Bayer data of one sRGB colour, the left third in the colour `left`, with a JPEG of any size as preview."""
    width, height = size
    sensor = _sensor(size, colour, left or colour)
    texts = {271: "Example", 272: "Example One", **(tags or {})}
    camera = [_ascii(tag, text) for tag, text in texts.items() if tag >= 0x9000]
    main = [
        _longs(254, 0), _longs(256, width), _longs(257, height), _shorts(258, 16), _shorts(259, 1), _shorts(262, 32803),
        *(_ascii(tag, text) for tag, text in texts.items() if tag < 0x9000),
        _longs(273, 0), _shorts(274, orientation), _shorts(277, 1), _longs(278, height), _longs(279, len(sensor)),
        _shorts(284, 1), _longs(330, 0), _shorts(33421, 2, 2), (33422, 1, b"\0\1\1\2"), _longs(34665, 0),
        (50706, 1, b"\1\4\0\0"), (50707, 1, b"\1\1\0\0"), _ascii(50708, "Example One"), _longs(50717, WHITE),
        _rationals(50721, SRATIONAL, *MATRIX), _rationals(50728, RATIONAL, 1, 1, 1), _shorts(50778, 21),
    ]  # fmt: skip
    preview_directory = [_longs(254, 1), *_jpeg_tags(preview)] if preview else []
    main = [tag for tag in main if tag[0] != 330 or preview_directory]
    with path.open("wb") as file:
        file.write(b"II*\0" + struct.pack("<I", 8))
        places = {8: main}
        at = 8 + _length(main)
        for pointer, directory in ((34665, camera), (330, preview_directory)):
            if directory:
                main[:] = [_longs(pointer, at) if tag[0] == pointer else tag for tag in main]
                places[at] = directory
                at += _length(directory)
        main[:] = [_longs(273, at) if tag[0] == 273 else tag for tag in main]
        preview_directory[:] = [_longs(273, at + len(sensor)) if tag[0] == 273 else tag for tag in preview_directory]
        for place, directory in places.items():
            file.write(_packed(directory, place))
        file.write(sensor)
        file.write(preview)
    return path


def _sensor(size: tuple[int, int], colour: tuple[int, int, int], left: tuple[int, int, int]) -> bytes:
    width, height = size
    third = width // 6 * 2
    rows = []
    for pair in ((0, 1), (1, 2)):
        cells = [[struct.pack("<H", _level(cell_colour[band])) for band in pair] for cell_colour in (left, colour)]
        rows.append(b"".join(cells[0]) * (third // 2) + b"".join(cells[1]) * ((width - third) // 2))
    return b"".join(rows) * (height // 2)


def _level(value: int) -> int:
    """Returns the linear sensor value of an sRGB value (IEC 61966-2-1)."""
    encoded = value / 255
    linear = encoded / 12.92 if encoded <= 0.04045 else ((encoded + 0.055) / 1.055) ** 2.4
    return round(linear * WHITE)


def _jpeg_tags(jpeg: bytes) -> list[Tag]:
    at = jpeg.index(b"\xff\xc0")
    height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
    return [
        _longs(256, width), _longs(257, height), _shorts(258, 8, 8, 8), _shorts(259, 7), _shorts(262, 6),
        _longs(273, 0), _shorts(277, 3), _longs(278, height), _longs(279, len(jpeg)),
    ]  # fmt: skip


def _ascii(tag: int, text: str) -> Tag:
    return tag, 2, text.encode() + b"\0"


def _shorts(tag: int, *values: int) -> Tag:
    return tag, SHORT, struct.pack(f"<{len(values)}H", *values)


def _longs(tag: int, *values: int) -> Tag:
    return tag, LONG, struct.pack(f"<{len(values)}I", *values)


def _rationals(tag: int, kind: int, *values: float) -> Tag:
    form = "<ii" if kind == SRATIONAL else "<II"
    return tag, kind, b"".join(struct.pack(form, round(value * 10_000), 10_000) for value in values)


def _length(directory: list[Tag]) -> int:
    return len(_packed(directory, 0))


def _packed(directory: list[Tag], place: int) -> bytes:
    size = {1: 1, 2: 1, SHORT: 2, LONG: 4, RATIONAL: 8, SRATIONAL: 8}
    values_at = place + 2 + 12 * len(directory) + 4
    entries, values = b"", b""
    for tag, kind, raw in sorted(directory):
        content = raw
        if len(raw) > 4:
            content, values = struct.pack("<I", values_at + len(values)), values + raw + bytes(len(raw) % 2)
        entries += struct.pack("<HHI", tag, kind, len(raw) // size[kind]) + content.ljust(4, b"\0")
    return struct.pack("<H", len(directory)) + entries + bytes(4) + values
