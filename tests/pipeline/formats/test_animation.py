"""Renditions of animations keep frames, durations, repetitions and transparency. Of too long ones the first frame is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processing.pipeline import DEFAULT, ImageRejected, Limits
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox
from tests.pipeline.charts import SWAPPED, by_lcms
from tests.pipeline.test_formats import exif, middles

RED, GREEN, BLUE = (220, 30, 30), (30, 180, 30), (30, 30, 220)
COLOURS = [RED, GREEN, BLUE]
DURATIONS = [80, 120, 400]
WRITERS: dict[str, dict[str, Any]] = {"GIF": {}, "PNG": {}, "WEBP": {"quality": 95}}


def animation(path: Path, name: str, size: tuple[int, int] = (64, 48), **options: Any) -> Path:
    frames = [Image.new("RGB", size, colour) for colour in COLOURS]
    settings = {"duration": DURATIONS, "loop": 0, **WRITERS[name], **options}
    frames[0].save(path, name, save_all=True, append_images=frames[1:], **settings)
    return path


def played(path: str | Path) -> tuple[list[tuple[int, ...]], list[int], int]:
    """Returns the colour in the middle of each frame, the durations in milliseconds, and the number of repetitions."""
    colours, durations = [], []
    with Image.open(path) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            image.load()
            pixel = image.convert("RGBA").getpixel((image.width // 2, image.height // 2))
            assert isinstance(pixel, tuple)
            colours.append(pixel)
            durations.append(image.info.get("duration", 0))
        return colours, durations, image.info.get("loop", -1)


def is_near(actual: Any, expected: Any, tolerance: int = 12) -> bool:
    return bool(np.abs(np.array(actual)[..., :3] - np.array(expected)).max() <= tolerance)


@pytest.mark.parametrize("name", WRITERS)
def test_renditions_of_every_size_keep_the_frames_and_their_durations(tmp_path: Path, out: Path, name: str) -> None:
    source = animation(tmp_path / "photo", name, (1000, 500))

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height, picture.frames) == (name, 1000, 500, 3)
    assert [(rendition.width, rendition.height) for rendition in picture.renditions] == [
        (1000, 500),
        (800, 400),
        (400, 200),
    ]
    for rendition in picture.renditions:
        colours, durations, loop = played(rendition.path)
        assert is_near(colours, COLOURS)
        assert (durations, loop) == (DURATIONS, 0)
        assert rendition.bytes == Path(rendition.path).stat().st_size


@pytest.mark.parametrize(
    ("name", "repetitions", "expected"),
    [("GIF", 0, 0), ("GIF", 2, 3), ("GIF", None, 1), ("PNG", 0, 0), ("PNG", 2, 2), ("WEBP", 0, 0), ("WEBP", 2, 2)],
)
def test_renditions_are_repeated_as_often_as_the_original(
    tmp_path: Path, out: Path, name: str, repetitions: int | None, expected: int
) -> None:
    source = animation(tmp_path / "photo", name, loop=repetitions)

    picture = develop(source, out)

    assert played(picture.renditions[0].path)[2] == expected


def test_the_disposal_method_of_gif_frames_is_applied(tmp_path: Path, out: Path) -> None:
    """Disposal method 2 restores the background, so that each frame shows its own rectangle only."""
    frames = [Image.new("RGBA", (64, 64)) for _ in range(3)]
    for image, x in zip(frames, (0, 24, 48), strict=True):
        ImageDraw.Draw(image).rectangle((x, 0, x + 15, 63), (*RED, 255))
    source = tmp_path / "photo"
    frames[0].save(source, "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as image:
        holes = []
        for frame in range(3):
            image.seek(frame)
            alpha = np.asarray(image.convert("RGBA"))[32, :, 3]
            holes.append([bool(alpha[x] > 128) for x in (8, 32, 56)])
    assert holes == [[True, False, False], [False, True, False], [False, False, True]]


def test_the_default_image_of_an_apng_is_no_frame(tmp_path: Path, out: Path) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in COLOURS]
    source = tmp_path / "photo"
    frames[0].save(source, "PNG", save_all=True, default_image=True, append_images=frames[1:], duration=100)

    picture = develop(source, out)

    assert picture.frames == 2
    assert is_near(played(picture.renditions[0].path)[0], [GREEN, BLUE])


@pytest.mark.parametrize("name", ["PNG", "WEBP"])
def test_every_frame_is_turned_upright(tmp_path: Path, out: Path, name: str) -> None:
    source = animation(tmp_path / "photo", name, (64, 48), exif=exif(6).tobytes())

    picture = develop(source, out)

    assert (picture.width, picture.height) == (48, 64)
    with Image.open(picture.renditions[0].path) as image:
        assert (image.size, getattr(image, "n_frames", 1)) == ((48, 64), 3)


LIMITS = {"frames": Limits(animation_frames=2), "pixels": Limits(animation_pixels=3 * 64 * 48 - 1)}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("name", WRITERS)
def test_an_animation_above_the_limits_shows_its_first_frame_with_a_note(
    tmp_path: Path, out: Path, name: str, limits: Limits
) -> None:
    source = animation(tmp_path / "photo", name)

    picture = develop(source, out, replace(DEFAULT, limits=limits))

    assert (picture.frames, [note.code for note in picture.notes]) == (1, ["animation-stopped"])
    assert "3 frames of 64 x 48 pixels" in picture.notes[0].message
    assert is_near(middles(picture), [RED] * 4)
    assert len(played(picture.renditions[0].path)[0]) == 1


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0.5, 0.7, 0.97])
def test_a_truncated_animation_is_rejected(tmp_path: Path, out: Path, name: str, share: float) -> None:
    """The shares end within a frame: five frames of one size end near each fifth, where a GIF would lack its trailer only."""
    frames = [Image.effect_noise((96, 96), 60 + n) for n in range(5)]
    source = tmp_path / "photo"
    frames[0].save(source, name, save_all=True, append_images=frames[1:])
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)


def test_a_gif_that_lacks_its_last_byte_is_accepted(tmp_path: Path, out: Path) -> None:
    source = animation(tmp_path / "photo", "GIF")
    source.write_bytes(source.read_bytes()[:-1])

    assert develop(source, out).frames == 3


def test_the_pages_of_a_tiff_are_no_animation(tmp_path: Path, out: Path) -> None:
    pages = [Image.new("RGB", (64, 64), colour) for colour in COLOURS]
    source = tmp_path / "photo"
    pages[0].save(source, "TIFF", save_all=True, append_images=pages[1:])

    picture = develop(source, out)

    assert (picture.frames, picture.notes) == (1, ())
    assert is_near(middles(picture), [RED] * 4)


def test_the_colours_of_every_frame_are_converted_by_the_profile(tmp_path: Path, out: Path) -> None:
    source = animation(tmp_path / "photo", "PNG", icc_profile=SWAPPED)
    expected = [by_lcms(Image.new("RGB", (1, 1), colour), SWAPPED).getpixel((0, 0)) for colour in COLOURS]

    picture = develop(source, out)

    assert is_near(played(picture.renditions[0].path)[0], expected)


def test_an_animation_is_developed_in_the_sandbox(tmp_path: Path, out: Path) -> None:
    source = animation(tmp_path / "photo", "GIF", (600, 400))

    with Sandbox() as sandbox:
        assert sandbox.develop(source, out).frames == 3
