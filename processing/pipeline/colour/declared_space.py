"""Reads the colour space that a picture's container declares by code points, and returns the ICC profile from `cicp` for it."""

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
MAX_CHUNKS = 1000


def space(image: Image.Image, file: BinaryIO) -> Space | None:
    """Returns the space that the container declares; None if it declares none."""
    if image.format == "PNG":
        return _of_png(file)
    if image.format == "AVIF":
        return _of_avif(file)
    return _of_heif(image.info.get("nclx_profile"))


def profile(declared: Space | None, image: Image.Image, blocks: Blocks) -> bytes | None:
    """Returns the declared space's profile; None if none is declared or the embedded profile takes precedence.

    In a PNG, cICP takes precedence over the embedded profile (PNG 3, 11.3.2.6).
    """
    has_profile = "icc_profile" in image.info
    if declared and (image.format == "PNG" or not has_profile):
        return cicp.profile(*declared)
    return cicp.adobe_rgb() if blocks.interop == ADOBE_RGB and not has_profile else None


def _of_heif(nclx: Any) -> Space | None:
    if not isinstance(nclx, dict):
        return None
    return int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])


def _of_avif(file: BinaryIO) -> Space | None:
    """Returns the space of the first `nclx` property (ISO/IEC 23008-12, 12.1.5); alpha planes have none."""
    for box in isobmff.find_boxes(file, b"meta", b"iprp", b"ipco", b"colr"):
        content = isobmff.body(file, box, 8)
        if content[:4] == b"nclx":
            return int.from_bytes(content[4:6]), int.from_bytes(content[6:8])
    return None


def _of_png(file: BinaryIO) -> Space | None:
    offset = PNG_FIRST_CHUNK
    for _ in range(MAX_CHUNKS):
        file.seek(offset)
        head = file.read(10)
        if head[4:8] == b"cICP":
            return head[8], head[9]
        if len(head) < 10 or head[4:8] == b"IDAT":
            return None
        offset += 12 + int.from_bytes(head[:4])
    return None
