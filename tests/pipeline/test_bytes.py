"""No rendition is larger than an original that browsers can show: its quality is lowered, and animations lose frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageStat

from processing.pipeline import Picture
from processing.pipeline.formats import animation
from processing.pipeline.render.develop import develop
from tests.pipeline.formats.test_animation import is_near, played


def scene(size: tuple[int, int], seed: int = 1) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (90, 120, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def drawing(size: tuple[int, int], step: int = 0) -> Image.Image:
    image = Image.new("RGB", size, (245, 245, 250))
    draw = ImageDraw.Draw(image)
    for row in range(8):
        top = size[1] * row // 8
        draw.rectangle((size[0] // 9, top, size[0] // 3 + (step * row) % 240, top + 20), (30 * row, 90, 200 - 20 * row))
        draw.text((size[0] // 2, top), f"{step} " * 9, (0, 0, 0))
    return image


def byte_counts(picture: Picture) -> list[int]:
    return [rendition.bytes for rendition in picture.renditions]


@pytest.mark.parametrize(
    ("quality", "widths"), [(3, [800, 400]), (12, [1600, 800, 400]), (30, [2200, 1600, 800, 400])], ids=str
)
def test_no_rendition_of_a_highly_compressed_jpeg_is_larger_than_it(
    tmp_path: Path, out: Path, quality: int, widths: list[int]
) -> None:
    source = tmp_path / "photo.jpg"
    scene((2200, 1500)).save(source, "JPEG", quality=quality)

    picture = develop(source, out)

    assert [rendition.width for rendition in picture.renditions] == widths
    assert max(byte_counts(picture)) <= source.stat().st_size
    for rendition in picture.renditions:
        with Image.open(rendition.path) as image:
            assert image.size == (rendition.width, rendition.height)


@pytest.mark.parametrize(("size", "widths"), [((300, 200), [300]), ((1000, 700), [400])], ids=str)
def test_quality_is_not_lowered_below_the_minimum(
    tmp_path: Path, out: Path, size: tuple[int, int], widths: list[int]
) -> None:
    source, expected = tmp_path / "photo.jpg", tmp_path / "expected.webp"
    Image.effect_noise(size, 90).convert("RGB").save(source, "JPEG", quality=2)

    picture = develop(source, out)

    assert [rendition.width for rendition in picture.renditions] == widths
    if widths == [300]:
        with Image.open(source) as original:
            original.save(expected, "WEBP", quality=20, method=2)
        assert expected.stat().st_size > source.stat().st_size
        assert Path(picture.renditions[0].path).read_bytes() == expected.read_bytes()


def test_a_rendition_of_an_ordinary_jpeg_has_the_configured_quality(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo.jpg"
    image = scene((2200, 1500))
    image.save(source, "JPEG", quality=95)
    expected = tmp_path / "expected.webp"

    picture = develop(source, out)

    with Image.open(source) as original:
        original.save(expected, "WEBP", quality=84, method=2)
    assert Path(picture.renditions[0].path).read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP", "BMP", "AVIF"])
@pytest.mark.parametrize("size", [(1, 1), (30, 20), (1200, 900)], ids=str)
def test_no_rendition_of_a_drawing_is_larger_than_it(
    tmp_path: Path, out: Path, name: str, size: tuple[int, int]
) -> None:
    source = tmp_path / "photo"
    drawing(size).save(source, name, **({"quality": 40} if name in ("AVIF", "WEBP") else {}))

    picture = develop(source, out)

    assert max(byte_counts(picture)[:-1], default=0) <= source.stat().st_size
    if name != "AVIF":  # which compresses some pictures better than WebP can
        assert (picture.renditions[0].width, picture.renditions[0].height) == size
        assert max(byte_counts(picture)) <= source.stat().st_size
    with Image.open(picture.renditions[0].path) as rendition, Image.open(source) as original:
        differences = [
            a - b
            for a, b in zip(
                *(ImageStat.Stat(image.convert("RGB")).mean for image in (rendition, original)), strict=True
            )
        ]
    assert max(map(abs, differences)) < 8  # the difference of a single pixel at quality 20


def test_an_original_that_browsers_cannot_show_may_be_smaller_than_its_renditions(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    drawing((1200, 900)).convert("1").save(source, "TIFF", compression="group4")

    picture = develop(source, out)

    assert picture.renditions[0].width == 1200


def save_animation(path: Path, frames: list[Image.Image], name: str = "GIF") -> Path:
    frames[0].save(path, name, save_all=True, append_images=frames[1:], duration=60, loop=0)
    return path


def test_no_rendition_of_an_animated_drawing_is_larger_than_it(tmp_path: Path, out: Path) -> None:
    frames = [drawing((480, 320), step).quantize(32) for step in range(60)]
    source = save_animation(tmp_path / "photo", frames)

    picture = develop(source, out)

    assert [rendition.width for rendition in picture.renditions] == [480, 400]
    assert max(byte_counts(picture)) <= source.stat().st_size
    for rendition in picture.renditions:
        _, durations, _ = played(rendition.path)
        assert sum(durations) == 60 * 60


def test_frames_are_left_out_if_a_lower_quality_is_not_enough(tmp_path: Path, out: Path) -> None:
    """Rows of one colour each, new in every frame, compress well in GIF but not in WebP."""
    frames = []
    for step in range(30):
        rows = np.random.default_rng(step).integers(0, 8, (240, 1), np.uint8)
        frame = Image.fromarray(np.repeat(rows, 500, axis=1))
        frame.putpalette(np.random.default_rng(0).integers(0, 255, 24, np.uint8).tobytes())
        frames.append(frame)
    source = save_animation(tmp_path / "photo", frames)

    picture = develop(source, out)

    assert picture.renditions[0].width in (500, 400)
    assert max(byte_counts(picture)[:-1], default=0) <= source.stat().st_size
    assert sum(played(picture.renditions[-1].path)[1]) == 30 * 60


def test_animated_renditions_that_would_take_too_long_are_left_out(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "SECONDS", 0.0)
    source = save_animation(tmp_path / "photo", [scene((900, 600), seed).quantize(64) for seed in range(5)])

    picture = develop(source, out)

    assert [(rendition.width, rendition.height) for rendition in picture.renditions] == [(400, 267)]
    assert len(played(picture.renditions[0].path)[0]) == 5


def test_the_duration_of_a_frame_that_is_left_out_is_added_to_the_previous(tmp_path: Path) -> None:
    source = tmp_path / "photo"
    colours = [(40 * n, 20, 200) for n in range(6)]
    frames = [Image.new("RGB", (64, 48), colour) for colour in colours]
    frames[0].save(source, "PNG", save_all=True, append_images=frames[1:], duration=[10, 20, 30, 40, 50, 60])

    with Image.open(source) as image, (tmp_path / "out.webp").open("w+b") as file:
        animated = animation.AnimatedImage(image, 6, (64, 48), lambda frame, _: frame.convert("RGB"))
        animated.write(file, 80, 2, None, animation.Clock())
        animated._keep_every(4)
        animated._written(file, animation.Clock(), quality=80)

    played_colours, durations, _ = played(tmp_path / "out.webp")
    assert durations == [100, 110]
    assert is_near(played_colours, [colours[0], colours[4]])
