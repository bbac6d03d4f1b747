"""What colours the original is made of, told beside its renditions, which are always sRGB of eight bits."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import ImageCms

from processing.pipeline.colour import bit_depth, convert
from processing.pipeline.formats.opened import Opened
from processing.pipeline.metadata import characters
from processing.pipeline.picture import Colours

EIGHT_BITS = {"JPEG", "WEBP", "GIF"}
WHOLE_SAMPLES = {"L", "LA", "P", "RGB", "RGBA", "CMYK"}
"""What Pillow makes of eight bits a sample, and of sixteen too, where `is_deep` says so."""
MOST_CHARACTERS, MOST_PERCENT = 200, 1000


def of(found: Opened) -> Colours:
    content = found.image.info.get("icc_profile")
    name, percent = _of_profile(content) if convert.is_profile(content) else (None, None)
    return Colours(name, percent, _bits(found))


def _bits(found: Opened) -> int | None:
    """None where nothing says it for sure: a preview stands for a RAW, a part of a file for the whole."""
    if found.is_deep:
        return 16
    if found.format == "HEIF":
        told = found.image.info.get("bit_depth")
        return told if isinstance(told, int) else None
    is_plain = found.format in EIGHT_BITS or (found.format in ("PNG", "TIFF") and found.image.mode in WHOLE_SAMPLES)
    return 8 if found.source and is_plain and not _has_wide_samples(found) else None


def _has_wide_samples(found: Opened) -> bool:
    """More than eight bits for which there is no memory."""
    return any("16" in bit_depth.rawmode(tile) for tile in getattr(found.image, "tile", []))


@lru_cache(maxsize=16)
def _of_profile(content: bytes) -> tuple[str | None, int | None]:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content)).profile
        name = characters.seen(profile.profile_description or "")
        return name.strip()[:MOST_CHARACTERS] or None, _percent(profile)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None, None


def _percent(profile: Any) -> int | None:
    """The triangle of the primaries in CIE 1931 xy, adapted to D50 as profiles store them: Display P3 has 132 % of sRGB's."""
    own, usual = _area(profile), _area(ImageCms.createProfile("sRGB"))
    percent = 100 * own / usual if own and usual else 0.0
    return round(percent) if 1 <= percent <= MOST_PERCENT else None


def _area(profile: Any) -> float | None:
    corners = (profile.red_primary, profile.green_primary, profile.blue_primary)
    if profile.xcolor_space != "RGB " or not all(corners):
        return None
    (ax, ay), (bx, by), (cx, cy) = (corner[1][:2] for corner in corners)
    return float(abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2)
