"""Determines how to turn a picture upright. Each container has its own rule, and the turn must happen exactly once."""

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
    """Returns the transposition that makes the opened image upright; None if it is upright or its decoder turns it."""
    if image.format == "HEIF":  # libheif applies irot and imir, and EXIF is to be ignored
        return None
    if image.format == "TIFF":
        return TURNS.get(_tiff_tag(image))
    return TURNS.get(_tag(image))


def code(turn: Image.Transpose | None) -> int:
    """Returns EXIF's orientation for a transposition."""
    return next((orientation for orientation, transpose in TURNS.items() if transpose == turn), 1)


def swaps_sides(turned: Image.Transpose | None) -> bool:
    return turned in (TURNS[5], TURNS[6], TURNS[7], TURNS[8])


def _tag(image: Image.Image) -> int:
    """Returns EXIF's orientation, else XMP's. For AVIF Pillow reports irot and imir as EXIF's, and XMP is ignored."""
    try:
        tag = _container_tag(image) if image.format == "AVIF" else image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken EXIF raises arbitrary exceptions, and the photo may still be fine.
        return 1
    return tag if isinstance(tag, int) else 1


def _tiff_tag(image: Image.Image) -> int:
    """Returns XMP's orientation for a TIFF without a tag of its own, and hides it from Pillow; otherwise 1.

    Pillow 13 turns a TIFF while loading it, by its own tag or XMP's, but only the former is considered in the size of the image.
    """
    if ExifTags.Base.Orientation in getattr(image, "tag_v2", {}):
        return 1
    tag = _tag(image)
    if tag != 1:
        del image.getexif()[ExifTags.Base.Orientation]
    return tag


def _container_tag(image: Image.Image) -> object:
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return exif.get(ExifTags.Base.Orientation, 1)
