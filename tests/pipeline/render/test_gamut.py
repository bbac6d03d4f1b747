"""The colours that are reported of the original: profile, gamut and bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageCms

from processing.pipeline.colour import cicp
from processing.pipeline.picture import Colours, Picture
from processing.pipeline.render.develop import develop

P3, SRGB_CURVE = 12, 13


def colours_of(source: Path, out: Path) -> Colours:
    return develop(source, out).colours


def test_the_gamut_and_the_bits_of_a_wide_profile_are_reported(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG", icc_profile=cicp.profile(P3, SRGB_CURVE))

    colours = colours_of(source, out)

    assert (colours.gamut, colours.bits) == (132, 8)


def test_srgb_covers_100_percent_of_its_gamut(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (60, 40)).save(source, "PNG", icc_profile=profile)

    assert colours_of(source, out) == Colours("sRGB built-in", 100, 8)


@pytest.mark.parametrize(
    ("mode", "form", "bits"),
    [
        ("RGB", "JPEG", 8),
        ("L", "PNG", 8),
        ("I;16", "PNG", 16),
        ("I;16", "TIFF", 16),
        ("1", "PNG", None),
        ("1", "TIFF", None),
    ],
)
def test_only_the_bits_are_reported_without_a_profile(
    tmp_path: Path, out: Path, mode: str, form: str, bits: int
) -> None:
    source = tmp_path / "photo"
    Image.new(mode, (60, 40)).save(source, form)

    assert colours_of(source, out) == Colours(None, None, bits)


def test_an_invalid_profile_is_ignored(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG", icc_profile=b"x" * 500)

    assert colours_of(source, out) == Colours(None, None, 8)


def test_a_picture_survives_the_conversion_to_json_and_back(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG")
    picture = develop(source, out)

    assert Picture.from_json(picture.as_json()) == picture
