"""Pictures of sixteen bits a sample: converted to sRGB before they are cut to eight.

A wide or a linear space has so few steps in its shadows that eight bits of it, made sRGB, come out as bands.

Pillow has no image of three channels with sixteen bits. But it has two ways to read such samples, for both orders of bytes, and
keeps the upper byte: read once rightly and once the wrong way round, a file gives both halves of every sample.

NumPy is loaded by the first picture of this kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from processing.pipeline import orientation
from processing.pipeline.colour import bit_depth, convert, icc, srgb_encoding
from processing.pipeline.formats import opener

Plane = np.ndarray[Any, np.dtype[np.uint16]]
FULL = 65535


def developed(image: Image.Image, source: Path, size: tuple[int, int]) -> Image.Image:
    """The picture in that size and eight bits of sRGB: grey, RGB, or with transparency."""
    planes = _planes(image, source, size)
    profile = image.info.get("icc_profile")
    alpha = planes.pop() if image.mode == "RGBA" else None
    mode = image.mode if image.mode == "CMYK" else "RGB" if len(planes) == 3 else "L"
    try:
        shown = _converted(planes, _profile(profile, mode))
    except icc.NotOfThisKind:
        shown = _by_lcms(planes, mode, profile)
    if alpha is not None:
        shown.putalpha(Image.fromarray(_eight(alpha)))
    return shown


def _planes(image: Image.Image, source: Path, size: tuple[int, int]) -> list[Plane]:
    """One a channel, in that size. A transparent picture is made smaller with its colours weighed by their alpha."""
    if image.mode in bit_depth.GREY:
        image.load()
        return [_resized(np.asarray(image).astype(np.uint16), size)]
    with source.open("rb") as file, opener.header(file, str(image.format)) as low:
        low.tile = [bit_depth.turned(tile) for tile in low.tile]
        orientation.turn(low)  # so that Pillow turns it no more than the other
        image.load()
        low.load()
        if image.mode != "RGBA" or image.size == size:
            return [_resized(_joined(image, low, band), size) for band in image.getbands()]
        alpha = _joined(image, low, "A")
        less = _resized(alpha, size)
        return [_unweighed(_resized(_weighed(_joined(image, low, band), alpha), size), less) for band in "RGB"] + [less]


def _joined(high: Image.Image, low: Image.Image, band: str) -> Plane:
    plane = np.asarray(high.getchannel(band)).astype(np.uint16)
    plane <<= 8
    plane |= np.asarray(low.getchannel(band))
    return plane


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    if plane.shape[::-1] == size:
        return plane
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))


def _weighed(plane: Plane, alpha: Plane) -> Plane:
    return (plane.astype(np.uint32) * alpha // FULL).astype(np.uint16)


def _unweighed(plane: Plane, alpha: Plane) -> Plane:
    return np.minimum(plane.astype(np.uint32) * FULL // np.maximum(alpha, 1), FULL).astype(np.uint16)


def _profile(content: object, mode: str) -> icc.Profile | None:
    """None without one: the samples are sRGB's, or a grey like it, already."""
    if not convert.is_profile(content):
        return None
    profile = icc.parsed(content)
    if len(profile.curves) != len(mode):
        raise icc.NotOfThisKind
    return profile


def _converted(planes: list[Plane], profile: icc.Profile | None) -> Image.Image:
    if len(planes) == 4:
        raise icc.NotOfThisKind
    if profile is None:
        return _merged([_eight(plane) for plane in planes])
    if profile.matrix is None:
        return Image.fromarray(srgb_encoding.encoded(profile.curves[0])[planes[0]])
    shown = np.empty((*planes[0].shape, 3), np.uint8)
    for top in range(0, shown.shape[0], srgb_encoding.ROWS):
        rows = (plane[top : top + srgb_encoding.ROWS] for plane in planes)
        light = np.stack([curve[row] for curve, row in zip(profile.curves, rows, strict=True)], -1)
        shown[top : top + srgb_encoding.ROWS] = srgb_encoding.encoded(light @ profile.matrix.T)
    return Image.fromarray(shown)


def _by_lcms(planes: list[Plane], mode: str, profile: object) -> Image.Image:
    """Inks and tables: lcms takes eight bits only, but they are rounded, and the picture is small by now."""
    flat = [Image.fromarray(_eight(plane)) for plane in planes]
    image = Image.merge(mode, flat)
    image.info["icc_profile"] = profile
    turned = convert.to_srgb(image)
    return turned.convert("RGB") if turned.mode == "CMYK" else turned


def _merged(planes: list[Any]) -> Image.Image:
    return Image.merge("RGB" if len(planes) == 3 else "L", [Image.fromarray(plane) for plane in planes])


def _eight(plane: Plane) -> Any:
    return ((plane.astype(np.uint32) * 255 + FULL // 2) // FULL).astype(np.uint8)
