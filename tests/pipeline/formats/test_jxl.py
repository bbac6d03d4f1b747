"""JPEG XL: the header is read and checked before any pixel is decoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pillow_jxl  # noqa: F401 - registers JPEG XL with Pillow
import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected, Limits
from processing.pipeline.formats import jxl
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox
from tests.pipeline.test_formats import BLUE, GREEN, RED, YELLOW, alike, exif, middles, quarters, stored

SIZES = [(1, 1), (8, 8), (256, 256), (640, 480), (600, 400), (513, 77), (4000, 3), (3, 9000), (1920, 1080)]


@pytest.mark.parametrize("is_boxed", [False, True], ids=["bare", "in boxes"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_size_is_read_from_the_header(tmp_path: Path, size: tuple[int, int], is_boxed: bool) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", size).save(source, "JXL", use_container=is_boxed, effort=1)

    with source.open("rb") as file:
        assert jxl.read_header(jxl._codestream(file)) == (size, False)


def test_samples_of_more_than_eight_bits_are_detected(tmp_path: Path) -> None:
    source = tmp_path / "photo"
    Image.new("I;16", (64, 64)).save(source, "JXL", lossless=True)

    with source.open("rb") as file:
        assert jxl.read_header(jxl._codestream(file)) == ((64, 64), True)


@pytest.mark.parametrize("lossless", [False, True])
def test_the_quarters_of_a_jpeg_xl_are_shown_in_their_colours(tmp_path: Path, out: Path, lossless: bool) -> None:
    source = tmp_path / "photo"
    quarters().save(source, "JXL", lossless=lossless)

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height) == ("JXL", 192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


def test_the_transparency_of_a_jpeg_xl_is_kept(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGBA", (64, 64), (*RED, 90)).save(source, "JXL", lossless=True)

    picture = develop(source, out)

    assert alike(middles(picture), [(*RED, 90)] * 4)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_xl_transcoded_from_a_jpeg_looks_like_that_jpeg(tmp_path: Path, out: Path, orientation: int) -> None:
    jpeg, jpeg_xl = tmp_path / "photo.jpg", tmp_path / "photo"
    tags = exif(orientation)
    tags[0x010E] = "A caption"
    stored(orientation).save(jpeg, "JPEG", exif=tags.tobytes(), quality=95)
    with Image.open(jpeg) as image:
        image.save(jpeg_xl, "JXL", lossless_jpeg=True)

    picture = develop(jpeg_xl, out)

    assert (picture.format, picture.width, picture.height) == ("JXL", 192, 128)
    assert picture.metadata.caption == "A caption"
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


def test_exif_and_xmp_of_a_jpeg_xl_are_read(tmp_path: Path, out: Path) -> None:
    tags = exif(1)
    tags[0x0110] = "Example One"
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    )
    source = tmp_path / "photo"
    quarters().save(source, "JXL", exif=tags.tobytes(), xmp=xmp, use_container=True)

    metadata = develop(source, out).metadata

    assert (metadata.camera, metadata.rating) == ("Example One", 4)


def test_a_jpeg_xl_that_is_too_large_is_rejected_by_its_header(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (2000, 1000)).save(source, "JXL", effort=1)

    with pytest.raises(ImageRejected) as pixels:
        develop(source, out, replace(DEFAULT, limits=Limits(other_pixels=1_000_000)))
    with pytest.raises(ImageRejected) as memory:
        develop(source, out, replace(DEFAULT, limits=Limits(memory_bytes=50_000_000)))

    assert (pixels.value.code, memory.value.code) == ("too-many-pixels", "too-heavy")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_jpeg_xl_is_rejected(tmp_path: Path, out: Path, share: float) -> None:
    source = tmp_path / "photo"
    Image.effect_noise((320, 240), 60).convert("RGB").save(source, "JXL")
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)


def test_a_jpeg_xl_is_developed_in_the_sandbox(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    quarters().resize((3000, 2000)).save(source, "JXL")

    with Sandbox() as sandbox:
        assert sandbox.develop(source, out).width == 3000
