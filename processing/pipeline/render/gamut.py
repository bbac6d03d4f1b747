"""Describes the original's colours: its profile, gamut and bit depth. Its renditions are always 8-bit sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import ImageCms

from processing.pipeline import characters
from processing.pipeline.colour import bit_depth, convert
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.picture import Colours

EIGHT_BITS = {"JPEG", "WEBP", "GIF"}
WHOLE_SAMPLES = {"L", "LA", "P", "RGB", "RGBA", "CMYK"}
"""Pillow's modes for eight bits per sample, and for sixteen if `is_high_bit_depth` is set."""
MAX_CHARACTERS, MAX_PERCENT = 200, 1000


def describe(opened: OpenedPicture) -> Colours:
    content = opened.image.info.get("icc_profile")
    name, percent = _of_profile(content) if convert.is_profile(content) else (None, None)
    return Colours(name, percent, _bits(opened))


def _bits(opened: OpenedPicture) -> int | None:
    """Returns the bits per sample; None if uncertain, as for a RAW shown by its preview or a file opened in part."""
    if opened.is_high_bit_depth:
        return 16
    if opened.format == "HEIF":
        bits = opened.image.info.get("bit_depth")
        return bits if isinstance(bits, int) else None
    is_plain = opened.format in EIGHT_BITS or (opened.format in ("PNG", "TIFF") and opened.image.mode in WHOLE_SAMPLES)
    return 8 if opened.source and is_plain and not _has_wide_samples(opened) else None


def _has_wide_samples(opened: OpenedPicture) -> bool:
    """True for 16-bit samples that are decoded to eight bits for lack of memory."""
    return any("16" in bit_depth.rawmode(tile) for tile in getattr(opened.image, "tile", []))


@lru_cache(maxsize=16)
def _of_profile(content: bytes) -> tuple[str | None, int | None]:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content)).profile
        name = characters.visible(profile.profile_description or "")
        return name.strip()[:MAX_CHARACTERS] or None, _percent(profile)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None, None


def _percent(profile: Any) -> int | None:
    """Returns the area of the primaries' triangle in percent of sRGB's; None if unknown. Display P3 has 132 %.

    The triangle is in CIE 1931 xy, adapted to D50, as profiles store it.
    """
    area, srgb_area = _area(profile), _area(ImageCms.createProfile("sRGB"))
    percent = 100 * area / srgb_area if area and srgb_area else 0.0
    return round(percent) if 1 <= percent <= MAX_PERCENT else None


def _area(profile: Any) -> float | None:
    corners = (profile.red_primary, profile.green_primary, profile.blue_primary)
    if profile.xcolor_space != "RGB " or not all(corners):
        return None
    (ax, ay), (bx, by), (cx, cy) = (corner[1][:2] for corner in corners)
    return float(abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2)
