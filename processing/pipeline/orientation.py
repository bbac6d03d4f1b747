"""Which way up: every container has its own rule, and the turn must happen exactly once."""

from __future__ import annotations

from PIL import ExifTags, Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow 13 turns a TIFF while loading it; libheif obeys HEIF's irot and imir, and EXIF has no say there.
ALREADY_UPRIGHT = {"TIFF", "HEIF"}


def turn(image: Image.Image) -> Image.Transpose | None:
    """What makes the opened image upright; None when it is, or when its decoder sees to it."""
    if image.format in ALREADY_UPRIGHT:
        return None
    return TURNS.get(_tag(image))


def swaps_sides(turned: Image.Transpose | None) -> bool:
    return turned in (TURNS[5], TURNS[6], TURNS[7], TURNS[8])


def _tag(image: Image.Image) -> int:
    """For AVIF Pillow states irot and imir as this tag; where EXIF has none it falls back to XMP."""
    try:
        tag = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and is no reason to lose the photo.
        return 1
    return tag if isinstance(tag, int) else 1
