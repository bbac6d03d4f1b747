"""The perceptual hash of 64 bits: nearly the same in another size and format, and None for a flat picture."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from processing.pipeline.render import perceptual_hash
from processing.pipeline.render.develop import develop

MAX_DISTANCE = 6


def scene(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Returns large soft shapes that differ for every seed."""
    tones = bytes((seed * 2654435761 >> at % 24) * (at + 3) * 40503 >> 8 & 255 for at in range(7 * 5))
    return Image.frombytes("L", (7, 5), tones).resize(size, Image.Resampling.BICUBIC).convert("RGB")


def bits(first: str | None, second: str | None) -> int:
    assert first
    assert second
    return (int(first, 16) ^ int(second, 16)).bit_count()


def saved(image: Image.Image, form: str, **options: int) -> Image.Image:
    file = BytesIO()
    image.save(file, form, **options)
    return Image.open(file)


@pytest.mark.parametrize(
    ("size", "form", "quality"), [((450, 300), "JPEG", 40), ((225, 150), "WEBP", 60), ((2700, 1800), "JPEG", 95)]
)
def test_the_hash_of_a_picture_in_another_size_and_format_is_similar(size, form, quality):
    copy = saved(scene(1).resize(size, Image.Resampling.LANCZOS), form, quality=quality)

    assert bits(perceptual_hash.compute(scene(1)), perceptual_hash.compute(copy)) <= MAX_DISTANCE


def test_the_hashes_of_different_pictures_differ():
    hashes = [perceptual_hash.compute(scene(seed)) for seed in range(1, 9)]

    assert min(bits(first, second) for at, first in enumerate(hashes) for second in hashes[:at]) > MAX_DISTANCE


def test_the_hash_of_a_mirrored_picture_differs():
    assert bits(perceptual_hash.compute(scene(1)), perceptual_hash.compute(ImageOps.mirror(scene(1)))) > MAX_DISTANCE


@pytest.mark.parametrize("colour", ["white", "black", (120, 90, 200)])
def test_a_picture_of_one_colour_has_no_hash(colour):
    assert perceptual_hash.compute(saved(Image.new("RGB", (900, 600), colour), "JPEG", quality=30)) is None


def test_the_pipeline_returns_the_hash_of_a_picture(tmp_path: Path):
    scene(1).save(tmp_path / "photo.png")

    picture = develop(tmp_path / "photo.png", tmp_path / "out")

    assert bits(picture.perceptual_hash, perceptual_hash.compute(scene(1))) <= MAX_DISTANCE
