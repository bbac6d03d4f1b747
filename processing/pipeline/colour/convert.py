"""From the embedded profile's colours to sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import TypeGuard

from PIL import Image, ImageChops, ImageCms

MOST_PROFILE_BYTES = 8 * 1024 * 1024
SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
INVISIBLE = 2


def to_srgb(image: Image.Image) -> Image.Image:
    """The image as sRGB, transparency untouched. Without a usable profile it is taken for sRGB already."""
    profile = image.info.get("icc_profile")
    if not is_profile(profile):
        return image
    colours, alpha = _split(image)
    transform = _transform(profile, colours.mode)
    if transform is None:
        return image
    turned = ImageCms.applyTransform(colours, transform)
    if turned is not None and alpha is not None:
        turned.putalpha(alpha)
    return turned or image


def is_profile(content: object) -> TypeGuard[bytes]:
    """Whether it may be one, by its size; lcms and `icc` say more."""
    return isinstance(content, bytes) and 128 <= len(content) <= MOST_PROFILE_BYTES


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """lcms knows no grey with alpha, so alpha always goes round it."""
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return image, None


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Kept, because a camera embeds the same profile in every photo. None when there is nothing to do."""
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
    turned = ImageCms.applyTransform(probe, transform)
    extrema = ImageChops.difference(probe, turned or probe).getextrema()
    return all(high <= INVISIBLE for _, high in extrema)  # type: ignore[misc]


@lru_cache(maxsize=1)
def _probe() -> Image.Image:
    colours = list(product((0, 32, 64, 128, 192, 255), repeat=3))
    probe = Image.new("RGB", (len(colours), 1))
    probe.putdata(colours)
    return probe
