"""Previews of files that cannot be developed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFile, ImageStat

from processing.pipeline import ImageRejected, Limits, Recipe
from processing.pipeline.render.develop import develop
from processing.pipeline.render.preview import preview

RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves(size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Returns a picture that is red above and blue below, with lines across both."""
    image = Image.new("RGB", size, RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size[1] // 2, *size), BLUE)
    for x in range(0, size[0], 9):
        draw.line((x, 0, size[0] - x, size[1]), (x % 256, 120, 90))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def previewed(tmp_path: Path, content: bytes, **limits: int) -> Image.Image:
    source = tmp_path / "source"
    source.write_bytes(content)
    return Image.open(io.BytesIO(preview(source, Recipe(limits=Limits(**limits)))))


def rejection_code(tmp_path: Path, content: bytes, **limits: int) -> str:
    with pytest.raises(ImageRejected) as caught:
        previewed(tmp_path, content, **limits)
    return caught.value.code


def mean(image: Image.Image, box: tuple[int, int, int, int]) -> list[float]:
    return ImageStat.Stat(image.convert("RGB").crop(box)).mean


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_preview_of_a_truncated_picture_shows_its_upper_part(tmp_path: Path, kind: str) -> None:
    content = encoded(halves(), kind)

    image = previewed(tmp_path, content[: len(content) * 2 // 3])

    assert (image.format, image.size) == ("WEBP", (400, 267))
    red, _, blue = mean(image, (0, 0, 400, 60))
    assert red > blue + 50
    below = image.convert("RGB").crop((0, 250, 400, 266))
    assert max(ImageStat.Stat(below).stddev) < 2  # its data are missing


def test_a_jpeg_with_stray_markers_in_its_scan_has_a_preview(tmp_path: Path) -> None:
    content = bytearray(encoded(halves(), "JPEG"))
    at = len(content) // 2
    content[at : at + 4] = b"\xff\x02\xff\x03"
    source = tmp_path / "photo.jpg"
    source.write_bytes(content)
    with pytest.raises(ImageRejected) as caught:
        develop(source, tmp_path / "out")

    assert caught.value.code == "broken"
    assert previewed(tmp_path, bytes(content)).size == (400, 267)


def test_a_preview_is_upright_and_without_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    image = previewed(tmp_path, encoded(halves(), "JPEG", exif=exif)[:-2000])

    assert image.size == (267, 400)
    assert "exif" not in image.info


def test_the_preview_of_a_small_picture_is_not_larger(tmp_path: Path) -> None:
    assert previewed(tmp_path, encoded(halves((60, 40)), "PNG")).size == (60, 40)


def test_the_preview_of_a_raw_is_its_largest_embedded_jpeg(tmp_path: Path) -> None:
    small, large = encoded(halves((160, 120)), "JPEG"), encoded(halves((1200, 800)), "JPEG")
    content = b"FUJIFILMCCD-RAW 0201" + b"\0" * 100 + small + b"\xff\xd8\xff\xc0 noise" + large + b"\x07" * 5000

    assert previewed(tmp_path, content).size == (400, 267)


def test_a_raw_without_a_jpeg_has_no_preview(tmp_path: Path) -> None:
    assert rejection_code(tmp_path, b"FUJIFILMCCD-RAW 0201" + b"\0" * 100) == "not-an-image"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7", "unsupported-document"),
        (b"", "empty-file"),
        (b"nothing at all", "not-an-image"),
        (encoded(halves(), "WEBP")[:900], "truncated"),
        (encoded(halves(), "JPEG")[:100], "truncated"),
    ],
    ids=["document", "empty", "nonsense", "truncated WebP", "truncated header"],
)
def test_a_file_without_decodable_pixels_has_no_preview(tmp_path: Path, content: bytes, code: str) -> None:
    assert rejection_code(tmp_path, content) == code


def test_limits_apply_to_previews(tmp_path: Path) -> None:
    assert rejection_code(tmp_path, encoded(halves(), "PNG"), other_pixels=1000) == "too-many-pixels"
    assert rejection_code(tmp_path, encoded(halves(), "JPEG"), jpeg_pixels=1000) == "too-many-pixels"
    assert rejection_code(tmp_path, encoded(halves(), "PNG"), memory_bytes=1000) == "too-heavy"
    raw = b"FUJIFILMCCD-RAW 0201" + encoded(halves(), "JPEG")
    assert rejection_code(tmp_path, raw, jpeg_pixels=1000) == "too-many-pixels"


def test_the_next_photo_is_decoded_strictly(tmp_path: Path) -> None:
    truncated = encoded(halves(), "PNG")[:-3000]
    previewed(tmp_path, truncated)

    with pytest.raises(ImageRejected):
        develop(tmp_path / "source", tmp_path / "out")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
