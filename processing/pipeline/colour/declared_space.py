"""The colour space of a picture without a profile, where its container names one: as the ICC profile of `cicp`."""

from __future__ import annotations

from typing import Any, BinaryIO

from PIL import Image

from processing.pipeline.colour import cicp
from processing.pipeline.containers import isobmff
from processing.pipeline.metadata.blocks import Blocks

Space = tuple[int, int]
"""Code points of primaries and transfer (ITU-T H.273)."""

ADOBE_RGB = "R03"
PNG_FIRST_CHUNK = 8
MOST_CHUNKS = 1000


def space(image: Image.Image, file: BinaryIO) -> Space | None:
    """What the container says; None when it says nothing, or has no place to."""
    if image.format == "PNG":
        return _of_png(file)
    if image.format == "AVIF":
        return _of_avif(file)
    return _of_heif(image.info.get("nclx_profile"))


def profile(named: Space | None, image: Image.Image, blocks: Blocks) -> bytes | None:
    """None where the embedded one counts, or nothing is named. A PNG's cICP goes before its profile (PNG 3, 11.3.2.6)."""
    has_one = "icc_profile" in image.info
    if named and (image.format == "PNG" or not has_one):
        return cicp.profile(*named)
    return cicp.adobe_rgb() if blocks.interop == ADOBE_RGB and not has_one else None


def _of_heif(nclx: Any) -> Space | None:
    if not isinstance(nclx, dict):
        return None
    return int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])


def _of_avif(file: BinaryIO) -> Space | None:
    """Of the first colour property (ISO/IEC 23008-12, 12.1.5); a plane of transparency has none."""
    for box in isobmff.found(file, b"meta", b"iprp", b"ipco", b"colr"):
        content = isobmff.body(file, box, 8)
        if content[:4] == b"nclx":
            return int.from_bytes(content[4:6]), int.from_bytes(content[6:8])
    return None


def _of_png(file: BinaryIO) -> Space | None:
    at = PNG_FIRST_CHUNK
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(10)
        if head[4:8] == b"cICP":
            return head[8], head[9]
        if len(head) < 10 or head[4:8] == b"IDAT":
            return None
        at += 12 + int.from_bytes(head[:4])
    return None
