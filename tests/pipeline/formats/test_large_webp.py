"""WebP pictures that are too large for Pillow are decoded by libwebp in a smaller size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected, Limits
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox
from tests.pipeline.charts import SWAPPED, by_lcms, chart, farthest, patches
from tests.pipeline.test_formats import exif

LITTLE_MEMORY = replace(DEFAULT, limits=Limits(memory_bytes=260_000_000))
"""Pillow would need 48 MB and 17 bytes for each of 13 million pixels."""


def large(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(chart()).resize((4200, 3150), Image.Resampling.NEAREST).convert(mode)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("profile", [None, SWAPPED], ids=["plain", "with a profile"])
def test_a_large_webp_is_shown_in_the_right_colours(
    tmp_path: Path, out: Path, profile: bytes | None, lossless: bool
) -> None:
    source = tmp_path / "photo"
    large().save(source, "WEBP", lossless=lossless, quality=90, method=0, icc_profile=profile or b"")
    expected = Image.fromarray(chart())

    picture = develop(source, out, LITTLE_MEMORY)

    assert (picture.format, picture.width, picture.height) == ("WEBP", 4200, 3150)
    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.size == (2560, 1920)
        assert farthest(patches(rendition), patches(by_lcms(expected, profile) if profile else expected)) < 2.5


def test_a_large_webp_is_turned_upright_and_its_metadata_are_read(tmp_path: Path, out: Path) -> None:
    tags = exif(6)
    tags[0x0110] = "Example One"
    source = tmp_path / "photo"
    large().save(source, "WEBP", quality=80, method=0, exif=tags.tobytes())

    picture = develop(source, out, LITTLE_MEMORY)

    assert (picture.width, picture.height, picture.metadata.camera) == (3150, 4200, "Example One")
    assert (picture.renditions[0].width, picture.renditions[0].height) == (1920, 2560)


@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}], ids=str)
def test_the_transparency_of_a_large_webp_is_kept(tmp_path: Path, out: Path, options: dict[str, Any]) -> None:
    image = large("RGBA")
    image.putalpha(90)
    source = tmp_path / "photo"
    image.save(source, "WEBP", method=0, **options)

    picture = develop(source, out, LITTLE_MEMORY)

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.mode == "RGBA"
        assert rendition.getchannel("A").getextrema() == pytest.approx((90, 90), abs=3)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_large_webp_is_rejected(tmp_path: Path, out: Path, share: float) -> None:
    source = tmp_path / "photo"
    large().save(source, "WEBP", quality=80, method=0)
    content = bytearray(source.read_bytes()[: int(source.stat().st_size * share)])
    content[4:8] = (len(content) - 8).to_bytes(4, "little")  # the length of the truncated file
    source.write_bytes(content)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, LITTLE_MEMORY)

    assert (caught.value.code in {"broken", "truncated"}, caught.value.permanent) == (True, True)


def test_an_animation_that_is_too_large_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    frames = [Image.new("RGB", (4200, 3150), colour) for colour in ("red", "blue")]
    frames[0].save(source, "WEBP", save_all=True, append_images=frames[1:], method=0)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, LITTLE_MEMORY)

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


def test_a_webp_of_48_megapixels_fits_into_the_default_memory(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (8000, 6000), (10, 120, 200)).save(source, "WEBP", quality=50, method=0)

    with Sandbox() as sandbox:
        picture = sandbox.develop(source, out)

    assert (picture.width, picture.height) == (8000, 6000)
