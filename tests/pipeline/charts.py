"""Colour charts in files of every depth, profiles of every kind, and the perceived difference between two colours."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from processing.pipeline.colour import cicp

Colour = tuple[float, ...]
PATCH = 64
COLUMNS, ROWS = 8, 6


def chart(channels: int = 3) -> Any:
    """Patches of 64 pixels: greys from black to white, then colours all over the space; 8-bit values."""
    greys = [[round(255 * n / 15)] * channels for n in range(16)]
    colours = [[40 + 85 * (n // 4**c % 4 if c < 3 else n % 2) // 3 * 2 for c in range(channels)] for n in range(32)]
    patches = np.array(greys + [[min(value, 255) for value in colour] for colour in colours], np.uint8)
    return patches.reshape(ROWS, COLUMNS, channels).repeat(PATCH, 0).repeat(PATCH, 1)


def patches(image: Image.Image) -> list[Colour]:
    """Returns the mean colour of the middle of each patch; the chart may have been resized."""
    width, height = image.width / COLUMNS, image.height / ROWS
    pixels = np.asarray(image.convert("RGB")).astype(float)
    means = []
    for row, column in product(range(ROWS), range(COLUMNS)):
        top, left = int((row + 0.3) * height), int((column + 0.3) * width)
        middle = pixels[top : int((row + 0.7) * height) + 1, left : int((column + 0.7) * width) + 1]
        means.append(tuple(middle.mean((0, 1))))
    return means


def by_lcms(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts to sRGB by lcms: relative colorimetric, with black point compensation. The reference for our conversion."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted


def png16(path: Path, samples: Any, profile: bytes = b"") -> Path:
    """Writes 16-bit grey, grey with alpha, RGB or RGBA, which Pillow cannot."""
    height, width, channels = samples.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))]
    chunks += [(b"iCCP", b"profile\0\0" + zlib.compress(profile))] if profile else []
    chunks += [(b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    return path


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(
    path: Path,
    samples: Any,
    profile: bytes = b"",
    *,
    order: str = "<",
    compress: Callable[[bytes], bytes] = lambda content: content,
    tags: dict[int, int] | None = None,
    cmyk: bool = False,
    planar: bool = False,
) -> Path:
    """Writes an array of any number type in strips of 100 rows. With `planar`, each channel has its own strips."""
    height, width, channels = samples.shape
    ordered = samples.astype(samples.dtype.newbyteorder(order))
    planes = [ordered[..., n] for n in range(channels)] if planar else [ordered]
    strips = [compress(plane[top : top + 100].tobytes()) for plane in planes for top in range(0, height, 100)]
    short = {256: [width], 257: [height], 258: [samples.itemsize * 8] * channels, 259: [1]}
    short |= {262: [5 if cmyk else 2 if channels > 2 else 1], 277: [channels], 278: [100], 284: [2 if planar else 1]}
    short |= {339: [3 if samples.dtype.kind == "f" else 1] * channels}
    short |= {338: [2]} if channels == 4 and not cmyk else {}
    short |= {tag: [value] for tag, value in (tags or {}).items()}
    entries = {tag: (3, len(v), struct.pack(f"{order}{len(v)}H", *v)) for tag, v in short.items()}
    if profile:
        entries[34675] = (7, len(profile), profile)
    offsets = np.cumsum([8, *map(len, strips)])
    for tag, numbers in ((273, offsets[:-1].tolist()), (279, [len(strip) for strip in strips])):
        entries[tag] = (4, len(strips), struct.pack(f"{order}{len(strips)}I", *numbers))
    values_offset = int(offsets[-1]) + 2 + 12 * len(entries) + 4
    directory_entries, values = b"", b""
    for tag, (kind, count, content) in sorted(entries.items()):
        field = content.ljust(4, b"\0")
        if len(content) > 4:
            field, values = (
                struct.pack(order + "I", values_offset + len(values)),
                values + content + bytes(len(content) % 2),
            )
        directory_entries += struct.pack(order + "HHI", tag, kind, count) + field
    magic = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(order + "H", len(entries)) + directory_entries + bytes(4) + values
    path.write_bytes(magic + struct.pack(order + "I", int(offsets[-1])) + b"".join(strips) + directory)
    return path


def gamma_profile(primaries: cicp.Primaries, gamma: float) -> bytes:
    return cicp._icc(primaries, lambda value: value**gamma)


PRO_PHOTO = gamma_profile(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585)), 1.8)
LINEAR = gamma_profile(cicp.SRGB, 1.0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
"""A profile of version 4 with parametric curves."""
SWAPPED = (
    SRGB.replace(b"rXYZ", b"?", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"gXYZ", b"bXYZ", 1).replace(b"?", b"gXYZ", 1)
)
"""A profile with permuted primaries: red is sRGB's green, green is blue, and blue is red."""


def table_profile(space: bytes, points: int, to_light: Callable[[Colour], Colour], version: int = 2) -> bytes:
    """A profile with a lookup table (lut16Type, to XYZ), as printers and old screens have: a grid of colours in linear light."""
    channels = {b"RGB ": 3, b"CMYK": 4, b"GRAY": 1}[space]
    to_xyz = np.array(cicp.to_d50(cicp.SRGB))
    grid = [to_xyz @ np.array(to_light(colour)) for colour in product(np.linspace(0, 1, points), repeat=channels)]
    table = np.clip(np.array(grid) * 32768, 0, 65535).round().astype(">u2").tobytes()
    linear_curve = struct.pack(">2H", 0, 65535)
    identity = struct.pack(">9i", *(65536 * value for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft2\0\0\0\0" + bytes((channels, 3, points, 0)) + identity + struct.pack(">2H", 2, 2)
    lut += linear_curve * channels + table + linear_curve * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"A2B0", 176, len(lut))
    header = struct.pack(">I4sI4s4s4s", 176 + len(lut), b"none", version << 24, b"prtr", space, b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + white + lut


RGB_TABLE = table_profile(b"RGB ", 17, lambda colour: tuple(value**2.2 for value in colour))
RGB_TABLE_4 = table_profile(b"RGB ", 17, lambda colour: tuple(value**1.8 for value in colour), version=4)
INKS = table_profile(b"CMYK", 9, lambda ink: tuple((1 - 0.9 * value) ** 2 * (1 - ink[3]) ** 2 for value in ink[:3]))


def grey_profile(gamma: float) -> bytes:
    """The smallest grey profile (ICC.1:2001-04): a white point and a curve."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma)) + b"\0\0"
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, len(curve))
    header = struct.pack(">I4sI4s4s4s", 176 + len(curve), b"none", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + white + curve


def farthest(measured: list[Colour], expected: list[Colour]) -> float:
    """The largest difference (CIEDE2000) between colours of sRGB, 0 to 255."""
    return max(difference(lab(first), lab(second)) for first, second in zip(measured, expected, strict=True))


def lab(colour: Colour) -> Colour:
    """CIE L*a*b*, D50."""
    light = [cicp.srgb(value / 255) for value in colour]
    xyz = [sum(a * b for a, b in zip(row, light, strict=True)) for row in cicp.to_d50(cicp.SRGB)]
    x, y, z = (_root(value / white) for value, white in zip(xyz, cicp.D50, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float) -> float:
    return value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def difference(first: Colour, second: Colour) -> float:
    """CIEDE2000, as G. Sharma, W. Wu and E. Dalal write it (2005)."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    chroma = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    stretch = 1 + 0.5 * (1 - math.sqrt(chroma**7 / (chroma**7 + 25**7)))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 if a or b else 0.0 for a, b in ((a1, b1), (a2, b2)))
    turn, mean_hue = _hues(h1, h2, c1 * c2)
    dl, dc, dh = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn) / 2)
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - sum(
        share * math.cos(math.radians(times * mean_hue + shift))
        for share, times, shift in ((0.17, 1, -30), (-0.24, 2, 0), (-0.32, 3, 6), (0.20, 4, -63))
    )
    sl = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rotation = (
        -math.sin(math.radians(60 * math.exp(-(((mean_hue - 275) / 25) ** 2)))) * 2 * math.sqrt(c**7 / (c**7 + 25**7))
    )
    parts = dl / sl, dc / sc, dh / sh
    return math.sqrt(sum(part * part for part in parts) + rotation * parts[1] * parts[2])


def _hues(h1: float, h2: float, chromas: float) -> tuple[float, float]:
    """The turn from one hue to the other, the short way round, and the hue between them."""
    if not chromas:
        return 0.0, h1 + h2
    turn = (h2 - h1 + 180) % 360 - 180
    return turn, (h1 + turn / 2) % 360
