"""Converts pictures with 16 bits per sample to sRGB before they are reduced to 8 bits.

Eight bits of a wide-gamut or linear space have too few steps in the shadows: converted to sRGB they show banding.

Pillow has no mode for three 16-bit channels. It reads such samples in either byte order and keeps the high byte. So the file is
read in the right and in the wrong byte order, which yields both bytes of every sample.

NumPy is imported together with this module, for the first 16-bit picture.
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


def develop(image: Image.Image, source: Path, size: tuple[int, int]) -> Image.Image:
    """Returns the picture in that size as 8-bit sRGB: grey or RGB, with alpha if it has transparency."""
    planes = _planes(image, source, size)
    profile = image.info.get("icc_profile")
    alpha = planes.pop() if image.mode == "RGBA" else None
    mode = image.mode if image.mode == "CMYK" else "RGB" if len(planes) == 3 else "L"
    try:
        converted = _converted(planes, _profile(profile, mode))
    except icc.UnsupportedProfile:
        converted = _by_lcms(planes, mode, profile)
    if alpha is not None:
        converted.putalpha(Image.fromarray(_eight_bit(alpha)))
    return converted


def _planes(image: Image.Image, source: Path, size: tuple[int, int]) -> list[Plane]:
    """Returns one plane per channel in that size. A transparent picture is resized with premultiplied alpha."""
    if image.mode in bit_depth.GREY:
        image.load()
        return [_resized(np.asarray(image).astype(np.uint16), size)]
    with source.open("rb") as file, opener.header(file, str(image.format)) as low:
        low.tile = [bit_depth.byte_swapped(tile) for tile in low.tile]
        orientation.turn(low)  # so that Pillow turns both images alike
        image.load()
        low.load()
        if image.mode != "RGBA" or image.size == size:
            return [_resized(_combined(image, low, band), size) for band in image.getbands()]
        alpha = _combined(image, low, "A")
        small_alpha = _resized(alpha, size)
        return [
            _unpremultiplied(_resized(_premultiplied(_combined(image, low, band), alpha), size), small_alpha)
            for band in "RGB"
        ] + [small_alpha]


def _combined(high: Image.Image, low: Image.Image, band: str) -> Plane:
    plane = np.asarray(high.getchannel(band)).astype(np.uint16)
    plane <<= 8
    plane |= np.asarray(low.getchannel(band))
    return plane


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    if plane.shape[::-1] == size:
        return plane
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))


def _premultiplied(plane: Plane, alpha: Plane) -> Plane:
    return (plane.astype(np.uint32) * alpha // FULL).astype(np.uint16)


def _unpremultiplied(plane: Plane, alpha: Plane) -> Plane:
    return np.minimum(plane.astype(np.uint32) * FULL // np.maximum(alpha, 1), FULL).astype(np.uint16)


def _profile(content: object, mode: str) -> icc.Profile | None:
    """Returns the profile; None if there is none, for samples in sRGB or in grey with its curve. Raises UnsupportedProfile."""
    if not convert.is_profile(content):
        return None
    profile = icc.parse(content)
    if len(profile.curves) != len(mode):
        raise icc.UnsupportedProfile
    return profile


def _converted(planes: list[Plane], profile: icc.Profile | None) -> Image.Image:
    if len(planes) == 4:
        raise icc.UnsupportedProfile
    if profile is None:
        return _merged([_eight_bit(plane) for plane in planes])
    if profile.matrix is None:
        return Image.fromarray(srgb_encoding.encode(profile.curves[0])[planes[0]])
    samples = np.empty((*planes[0].shape, 3), np.uint8)
    for top in range(0, samples.shape[0], srgb_encoding.ROWS):
        rows = (plane[top : top + srgb_encoding.ROWS] for plane in planes)
        light = np.stack([curve[row] for curve, row in zip(profile.curves, rows, strict=True)], -1)
        samples[top : top + srgb_encoding.ROWS] = srgb_encoding.encode(light @ profile.matrix.T)
    return Image.fromarray(samples)


def _by_lcms(planes: list[Plane], mode: str, profile: object) -> Image.Image:
    """Converts CMYK and table profiles with lcms, in 8 bits: they are rounded, not truncated, and the picture is small by now."""
    bands = [Image.fromarray(_eight_bit(plane)) for plane in planes]
    image = Image.merge(mode, bands)
    image.info["icc_profile"] = profile
    converted = convert.to_srgb(image)
    return converted.convert("RGB") if converted.mode == "CMYK" else converted


def _merged(planes: list[Any]) -> Image.Image:
    return Image.merge("RGB" if len(planes) == 3 else "L", [Image.fromarray(plane) for plane in planes])


def _eight_bit(plane: Plane) -> Any:
    return ((plane.astype(np.uint32) * 255 + FULL // 2) // FULL).astype(np.uint8)
