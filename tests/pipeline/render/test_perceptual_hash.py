"""What a picture looks like, in 64 bits: the same in another size and format, and nothing of what is flat."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from processing.pipeline.render import perceptual_hash
from processing.pipeline.render.develop import develop

NEAR = 6


def scene(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Large soft shapes, others for every seed."""
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
def test_a_picture_in_another_size_and_format_looks_the_same(size, form, quality):
    copy = saved(scene(1).resize(size, Image.Resampling.LANCZOS), form, quality=quality)

    assert bits(perceptual_hash.compute(scene(1)), perceptual_hash.compute(copy)) <= NEAR


def test_other_pictures_look_otherwise():
    looks = [perceptual_hash.compute(scene(seed)) for seed in range(1, 9)]

    assert min(bits(one, other) for at, one in enumerate(looks) for other in looks[:at]) > NEAR


def test_a_mirrored_picture_is_another():
    assert bits(perceptual_hash.compute(scene(1)), perceptual_hash.compute(ImageOps.mirror(scene(1)))) > NEAR


@pytest.mark.parametrize("colour", ["white", "black", (120, 90, 200)])
def test_what_is_all_one_colour_looks_like_nothing(colour):
    assert perceptual_hash.compute(saved(Image.new("RGB", (900, 600), colour), "JPEG", quality=30)) is None


def test_the_pipeline_tells_what_a_picture_looks_like(tmp_path: Path):
    scene(1).save(tmp_path / "photo.png")

    picture = develop(tmp_path / "photo.png", tmp_path / "out")

    assert bits(picture.likeness, perceptual_hash.compute(scene(1))) <= NEAR
