"""Extracts the raw metadata blocks of a picture: EXIF's directories, XMP's packets, IPTC's datasets.

Each container stores them differently; `Blocks` is independent of the container.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin
from PIL.ExifTags import IFD

from processing.pipeline.containers import tiff_directory

Tags = Mapping[int, Any]
Datasets = Mapping[tuple[int, int], bytes | list[bytes]]

INTEROP_INDEX = 1
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
EXTENDED = re.compile(rb'HasExtendedXMP(?:="|>)([0-9A-Fa-f]{32})')
MAX_EXTENDED_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blocks:
    """EXIF's main, camera and GPS directories, the XMP packets and IPTC's datasets; empty if missing."""

    main: Tags = field(default_factory=dict)
    camera: Tags = field(default_factory=dict)
    gps: Tags = field(default_factory=dict)
    xmp: tuple[bytes, ...] = ()
    iptc: Datasets = field(default_factory=dict)
    interop: str = ""
    """EXIF's name of the colour space of a picture without a profile: `R98` is sRGB, `R03` is Adobe RGB."""


def of_image(image: Image.Image) -> Blocks:
    packet = _packet(image)
    exif = _exif(image)
    return of_exif(exif, (packet, *_extension(image, packet)), _datasets(image))


def of_exif(exif: Image.Exif, xmp: tuple[bytes, ...] = (), iptc: Datasets | None = None) -> Blocks:
    """Returns the blocks of a loaded EXIF tree and the given XMP packets and IPTC datasets."""
    interop = _directory(exif, IFD.Interop).get(INTEROP_INDEX) if IFD.Exif in exif else ""
    return Blocks(
        exif,
        _directory(exif, IFD.Exif),
        _directory(exif, IFD.GPSInfo),
        tuple(packet for packet in xmp if packet),
        iptc or {},
        interop if isinstance(interop, str) else "",
    )


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 - Pillow raises arbitrary exceptions for a broken header.
        return Image.Exif()


def _directory(main: Image.Exif, tag: int) -> Tags:
    try:
        return main.get_ifd(tag)
    except Exception:  # noqa: BLE001 - see _exif.
        return {}


def _packet(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet is None and image.format == "TIFF":
        packet = getattr(image, "tag_v2", {}).get(tiff_directory.XMP)
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "ignore")
    return packet if isinstance(packet, bytes) else b""


def _extension(image: Image.Image, packet: bytes) -> tuple[bytes, ...]:
    """Returns a JPEG's extended packet, the XMP that did not fit into 64 KB; () without one.

    Each portion has its own segment: the packet's GUID, the total length, the portion's offset and content (XMP, part 3,
    1.1.3.1). The standard packet contains the GUID.
    """
    guid = EXTENDED.search(packet)
    portions = [
        content[len(EXTENSION) :]
        for marker, content in getattr(image, "applist", [])
        if marker == "APP1" and content.startswith(EXTENSION)
    ]
    own_portions = (portion for portion in portions if guid and portion[:32] == guid[1])
    by_offset = {int.from_bytes(portion[36:40]): portion[40:] for portion in own_portions}
    extended = b"".join(portion for _, portion in sorted(by_offset.items()))
    return (extended,) if 0 < len(extended) <= MAX_EXTENDED_BYTES else ()


def _datasets(image: Image.Image) -> Datasets:
    if not isinstance(image, ImageFile.ImageFile):
        return {}
    try:
        return IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # noqa: BLE001 - Pillow raises arbitrary exceptions for a broken block; the photo may still be fine.
        return {}
