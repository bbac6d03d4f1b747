"""The sizes of the renditions of a picture, and the content of their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from processing.pipeline import DEFAULT, Avif
from processing.pipeline.render.develop import develop

LADDERS = {
    (1, 1): {"400.webp": (1, 1)},
    (399, 10): {"400.webp": (399, 10)},
    (400, 300): {"400.webp": (400, 300)},
    (300, 400): {"400.webp": (300, 400)},
    (401, 300): {"401.webp": (401, 300)},
    (500, 300): {"500.webp": (500, 300), "400.webp": (400, 240)},
    (768, 1024): {"1024.webp": (768, 1024), "800.webp": (600, 800), "400.webp": (300, 400)},
    (768, 500): {"768.webp": (768, 500), "400.webp": (400, 260)},
    (850, 600): {"850.webp": (850, 600), "400.webp": (400, 282)},
    (1000, 750): {"1000.webp": (1000, 750), "800.webp": (800, 600), "400.webp": (400, 300)},
    (940, 2): {"940.webp": (940, 2), "800.webp": (800, 2), "400.webp": (400, 1)},
    (1547, 1000): {"1547.webp": (1547, 1000), "800.webp": (800, 517), "400.webp": (400, 259)},
    (1600, 1200): {"1600.webp": (1600, 1200), "800.webp": (800, 600), "400.webp": (400, 300)},
    (2000, 3000): {
        "2560.webp": (1707, 2560),
        "1600.webp": (1067, 1600),
        "800.webp": (533, 800),
        "400.webp": (267, 400),
    },
}


@pytest.mark.parametrize("size", LADDERS, ids=str)
def test_renditions_are_made_in_the_pictures_size_and_all_smaller_ones(
    tmp_path: Path, out: Path, size: tuple[int, int]
) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", size).save(source, "PNG")

    picture = develop(source, out)

    sizes = {Path(rendition.path).name: (rendition.width, rendition.height) for rendition in picture.renditions}
    assert sizes == LADDERS[size]
    assert {path.name: _size(path) for path in out.iterdir()} == LADDERS[size]
    assert [rendition.bytes for rendition in picture.renditions] == [
        Path(m.path).stat().st_size for m in picture.renditions
    ]


def test_a_large_jpeg_decoded_as_a_draft_keeps_its_size_and_shape(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (5999, 5401), (10, 120, 200)).save(source, "JPEG")

    picture = develop(source, out)

    assert (picture.width, picture.height) == (5999, 5401)
    assert (picture.renditions[0].width, picture.renditions[0].height) == (2560, 2305)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_renditions_contain_no_metadata(tmp_path: Path, out: Path, name: str) -> None:
    tags = Image.Exif()
    tags[0x010E] = "a secret"
    source = tmp_path / "photo"
    Image.new("RGB", (900, 600)).save(source, name, exif=tags.tobytes())

    picture = develop(source, out)

    chunks = [chunk for rendition in picture.renditions for chunk in _chunks(Path(rendition.path).read_bytes())]
    assert set(chunks) in ({b"VP8 "}, {b"VP8L"})  # a plain PNG is so small that only lossless renditions are not larger


def test_the_placeholder_is_a_tiny_webp(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.linear_gradient("L").resize((900, 600)).save(source, "PNG")

    picture = develop(source, out)

    assert picture.placeholder.startswith("data:image/webp;base64,UklGR")
    assert len(picture.placeholder) < 250


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _chunks(webp: bytes) -> list[bytes]:
    names, at = [], 12
    while at < len(webp):
        length = int.from_bytes(webp[at + 4 : at + 8], "little")
        names.append(webp[at : at + 4])
        at += 8 + length + length % 2
    return names


def test_an_avif_is_made_in_addition_to_each_webp_if_configured(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(
        source, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"
    )

    picture = develop(source, out, replace(DEFAULT, avif=Avif()))

    names = [f"{edge}.{form}" for edge in (900, 800, 400) for form in ("webp", "avif")]
    assert [Path(rendition.path).name for rendition in picture.renditions] == names
    for rendition in picture.renditions:
        with Image.open(rendition.path) as image:
            assert (image.format.lower(), image.size) == (rendition.path[-4:], (rendition.width, rendition.height))
            assert not image.info.keys() & {"exif", "icc_profile", "xmp"}
            difference = ImageChops.difference(image.convert("L"), Image.linear_gradient("L").resize(image.size))
            assert difference.histogram()[12:] == [0] * 244


def test_renditions_of_an_animation_are_webp_only(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    frames[0].save(source, "GIF", save_all=True, append_images=frames[1:])

    picture = develop(source, out, replace(DEFAULT, avif=Avif()))

    assert [Path(rendition.path).name for rendition in picture.renditions] == ["400.webp"]
