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


def turn(image: Image.Image) -> Image.Transpose | None:
    """What makes the opened image upright; None when it is, or when its decoder sees to it."""
    if image.format == "HEIF":  # libheif obeys irot and imir, and EXIF has no say there
        return None
    if image.format == "TIFF":
        return TURNS.get(_left_over(image))
    return TURNS.get(_tag(image))


def swaps_sides(turned: Image.Transpose | None) -> bool:
    return turned in (TURNS[5], TURNS[6], TURNS[7], TURNS[8])


def _tag(image: Image.Image) -> int:
    """EXIF's, and where it has none XMP's. For AVIF Pillow states irot and imir as EXIF's; XMP has no say there."""
    try:
        tag = _container(image) if image.format == "AVIF" else image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and is no reason to lose the photo.
        return 1
    return tag if isinstance(tag, int) else 1


def _left_over(image: Image.Image) -> int:
    """Pillow 13 turns a TIFF while loading it, by its own tag or by XMP's, but only tells its size by the former.

    So XMP's is taken out of its hands here.
    """
    if ExifTags.Base.Orientation in getattr(image, "tag_v2", {}):
        return 1
    tag = _tag(image)
    if tag != 1:
        del image.getexif()[ExifTags.Base.Orientation]
    return tag


def _container(image: Image.Image) -> object:
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return exif.get(ExifTags.Base.Orientation, 1)
