"""Converts images from the colours of their embedded profile to sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import TypeGuard

from PIL import Image, ImageChops, ImageCms

MAX_PROFILE_BYTES = 8 * 1024 * 1024
SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
MAX_INVISIBLE_DIFFERENCE = 2


def to_srgb(image: Image.Image) -> Image.Image:
    """Returns the image as sRGB with unchanged alpha. An image without a usable profile is treated as sRGB."""
    profile = image.info.get("icc_profile")
    if not is_profile(profile):
        return image
    colours, alpha = _split(image)
    transform = _transform(profile, colours.mode)
    if transform is None:
        return image
    converted = ImageCms.applyTransform(colours, transform)
    if converted is not None and alpha is not None:
        converted.putalpha(alpha)
    return converted or image


def is_profile(content: object) -> TypeGuard[bytes]:
    """True if `content` has a possible size for a profile; lcms and `icc` check the rest."""
    return isinstance(content, bytes) and 128 <= len(content) <= MAX_PROFILE_BYTES


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Separates alpha from the colours, because lcms does not support grey with alpha."""
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return image, None


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Returns None if nothing has to be converted. Cached, because a camera embeds the same profile in every photo."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != SPACES.get(mode):
            return None
        transform = _build(source, mode)
        return None if mode == "RGB" and _changes_nothing(transform) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _build(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    probe = _probe()
    converted = ImageCms.applyTransform(probe, transform)
    extrema = ImageChops.difference(probe, converted or probe).getextrema()
    return all(high <= MAX_INVISIBLE_DIFFERENCE for _, high in extrema)  # type: ignore[misc]


@lru_cache(maxsize=1)
def _probe() -> Image.Image:
    colours = list(product((0, 32, 64, 128, 192, 255), repeat=3))
    probe = Image.new("RGB", (len(colours), 1))
    probe.putdata(colours)
    return probe
