"""Where a picture keeps what it says about itself: EXIF's directories, XMP's packets, IPTC's datasets.

Every container has places of its own for them; from here on it no longer matters which it was.
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
MOST_EXTENDED_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blocks:
    """EXIF's main, camera and place directories, the XMP packets, IPTC's datasets: empty where there are none."""

    main: Tags = field(default_factory=dict)
    camera: Tags = field(default_factory=dict)
    gps: Tags = field(default_factory=dict)
    xmp: tuple[bytes, ...] = ()
    iptc: Datasets = field(default_factory=dict)
    interop: str = ""
    """EXIF's sign of the colour space when there is no profile: `R98` is sRGB, `R03` is Adobe RGB."""


def of_image(image: Image.Image) -> Blocks:
    packet = _packet(image)
    exif = _exif(image)
    return of_exif(exif, (packet, *_extension(image, packet)), _datasets(image))


def of_exif(exif: Image.Exif, xmp: tuple[bytes, ...] = (), iptc: Datasets | None = None) -> Blocks:
    """The blocks around an EXIF tree that somebody else has found."""
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
    except Exception:  # noqa: BLE001 - over a broken header Pillow raises anything.
        return Image.Exif()


def _directory(main: Image.Exif, which: int) -> Tags:
    try:
        return main.get_ifd(which)
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
    """What did not fit into a JPEG's 64 KB: portions in segments of their own (XMP, part 3, 1.1.3.1).

    Each has the packet's name, the whole length and where it belongs; the standard packet names the right one.
    """
    found = EXTENDED.search(packet)
    portions = [
        content[len(EXTENSION) :]
        for marker, content in getattr(image, "applist", [])
        if marker == "APP1" and content.startswith(EXTENSION)
    ]
    mine = {int.from_bytes(it[36:40]): it[40:] for it in portions if found and it[:32] == found[1]}
    whole = b"".join(portion for _, portion in sorted(mine.items()))
    return (whole,) if 0 < len(whole) <= MOST_EXTENDED_BYTES else ()


def _datasets(image: Image.Image) -> Datasets:
    if not isinstance(image, ImageFile.ImageFile):
        return {}
    try:
        return IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # noqa: BLE001 - Pillow raises anything over a broken block; the photo is not to blame.
        return {}
