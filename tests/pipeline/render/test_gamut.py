"""What is told of the original's own colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageCms

from processing.pipeline.colour import cicp
from processing.pipeline.picture import Colours, Picture
from processing.pipeline.render.develop import develop

P3, SRGB_CURVE = 12, 13


def told(source: Path, out: Path) -> Colours:
    return develop(source, out).colours


def test_a_wide_profile_is_told_by_name_and_gamut(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG", icc_profile=cicp.profile(P3, SRGB_CURVE))

    colours = told(source, out)

    assert (colours.gamut, colours.bits) == (132, 8)


def test_srgb_has_all_of_its_own_gamut(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (60, 40)).save(source, "PNG", icc_profile=profile)

    assert told(source, out) == Colours("sRGB built-in", 100, 8)


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
def test_without_a_profile_only_the_bits_are_known(tmp_path: Path, out: Path, mode: str, form: str, bits: int) -> None:
    source = tmp_path / "photo"
    Image.new(mode, (60, 40)).save(source, form)

    assert told(source, out) == Colours(None, None, bits)


def test_a_profile_that_is_none_tells_nothing(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG", icc_profile=b"x" * 500)

    assert told(source, out) == Colours(None, None, 8)


def test_it_goes_through_json_and_back(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(source, "JPEG")
    picture = develop(source, out)

    assert Picture.from_json(picture.as_json()) == picture
