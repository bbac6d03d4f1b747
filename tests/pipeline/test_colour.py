"""Pictures with embedded profiles are converted to sRGB."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from processing.pipeline.colour import convert
from processing.pipeline.render.develop import develop

RED, GREEN = (255, 0, 0), (0, 255, 0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# A profile with permuted primaries: red is sRGB's green, green is blue, and blue is red.
SWAPPED = SRGB.replace(b"rXYZ", b"?", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"gXYZ", b"bXYZ", 1)
SWAPPED = SWAPPED.replace(b"?", b"gXYZ", 1)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_colours_are_converted_from_the_embedded_profile(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (64, 64), RED).save(source, name, icc_profile=SWAPPED, quality=95)

    develop(source, out)

    assert _near(_colour(out), _swapped(RED), tolerance=25)


def test_a_converted_picture_keeps_its_transparency(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGBA", (64, 64), (*RED, 100)).save(source, "PNG", icc_profile=SWAPPED)

    develop(source, out)

    assert _near(_colour(out), (*_swapped(RED), 100), tolerance=10)


@pytest.mark.parametrize(("mode", "fill"), [("L", 128), ("LA", (128, 90))])
def test_a_grey_picture_is_converted_from_its_grey_profile(
    tmp_path: Path, out: Path, mode: str, fill: int | tuple[int, int]
) -> None:
    source = tmp_path / "photo"
    Image.new(mode, (64, 64), fill).save(source, "PNG", icc_profile=_linear_grey())

    develop(source, out)

    assert _near(_colour(out)[:3], (188, 188, 188), tolerance=3)


@pytest.mark.parametrize(
    "profile",
    [b"no profile at all" * 20, SRGB[:200], SRGB[:128] + bytes(400)],
    ids=["nonsense", "truncated", "empty"],
)
def test_a_broken_profile_is_ignored(tmp_path: Path, out: Path, profile: bytes) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (64, 64), RED).save(source, "PNG", icc_profile=profile)

    develop(source, out)

    assert _near(_colour(out), RED, tolerance=6)


def test_a_profile_for_another_colour_space_is_ignored(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (64, 64), GREEN).save(source, "PNG", icc_profile=_linear_grey())

    develop(source, out)

    assert _near(_colour(out), GREEN, tolerance=6)


def test_an_srgb_picture_is_not_converted() -> None:
    image = Image.new("RGB", (4, 4), (12, 34, 56))
    image.info["icc_profile"] = SRGB

    assert convert.to_srgb(image) is image


def _swapped(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Returns a pure colour in the swapped profile, converted to sRGB by lcms."""
    transform = ImageCms.buildTransform(_profile(SWAPPED), ImageCms.createProfile("sRGB"), "RGB", "RGB")
    converted = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), transform)
    assert converted is not None
    red, green, blue = converted.getpixel((0, 0))  # type: ignore[misc]
    assert max(abs(red - colour[0]), abs(green - colour[1])) > 100
    return int(red), int(green), int(blue)


def _profile(content: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(content))


def _linear_grey() -> bytes:
    """The smallest grey profile (ICC.1:2001-04): a white point and a straight tone curve."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 156 + len(white), len(curve))
    body = table + white + curve
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + body


def _colour(out: Path) -> tuple[int, ...]:
    with Image.open(out / "400.webp") as image:
        pixel = image.getpixel((32, 32))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


def _near(measured: tuple[int, ...], expected: tuple[int, ...], tolerance: int) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(measured, expected, strict=True))
