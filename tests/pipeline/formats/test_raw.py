"""Of a camera RAW, the camera's own JPEG is shown if it is large enough, otherwise the developed sensor data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected, Limits, Picture
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox
from tests.pipeline import raws

PROJECT = Path(__file__).resolve().parents[3]
RED, BLUE, GREEN = (200, 60, 30), (20, 60, 200), (10, 200, 10)
DATE = 0x9003


def jpeg(size: tuple[int, int], colour: tuple[int, int, int] = GREEN) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def colour(picture: Picture, x: float, y: float) -> tuple[int, ...]:
    with Image.open(picture.renditions[0].path) as image:
        pixel = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel


def is_near(actual: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 8 for a, b in zip(actual, expected, strict=True))


def test_the_cameras_own_jpeg_is_shown_if_it_is_large_enough(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (3000, 2000), RED, preview=jpeg((2560, 1707)))

    picture = develop(source, out)

    assert [note.code for note in picture.notes] == ["raw-preview"]
    assert (picture.format, picture.renditions[0].width) == ("DNG", 2560)
    assert is_near(colour(picture, 0.5, 0.5), GREEN)


def test_a_jpeg_of_the_sensors_size_is_large_enough(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (600, 400), RED, preview=jpeg((592, 396)))

    picture = develop(source, out)

    assert (picture.width, picture.height, picture.notes[0].code) == (592, 396, "raw-preview")


def test_the_photo_has_the_size_of_the_sensor_although_its_jpeg_is_smaller(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (6000, 4000), RED, preview=jpeg((2560, 1707)))

    picture = develop(source, out)

    assert (picture.width, picture.height, picture.notes[0].code) == (6000, 4000, "raw-preview")


@pytest.mark.parametrize("size", [(600, 400), (5200, 3400)], ids=["whole", "at half size"])
def test_the_sensor_data_are_developed_if_there_is_only_a_thumbnail(
    tmp_path: Path, out: Path, size: tuple[int, int]
) -> None:
    source = raws.dng(tmp_path / "photo", size, RED, left=BLUE, preview=jpeg((160, 120), RED))

    picture = develop(source, out)

    assert ((picture.width, picture.height), picture.notes[0].code) == (size, "raw-developed")
    assert is_near(colour(picture, 0.7, 0.5), RED)
    assert is_near(colour(picture, 0.1, 0.5), BLUE)


def test_a_developed_raw_is_as_bright_as_the_cameras_preview(tmp_path: Path, out: Path) -> None:
    bright, dark = (200, 200, 200), (100, 100, 100)
    source = raws.dng(tmp_path / "photo", (600, 400), dark, preview=jpeg((160, 120), bright))

    picture = develop(source, out)

    assert is_near(colour(picture, 0.5, 0.5), bright)


@pytest.mark.parametrize(
    ("orientation", "at"), [(1, (0.1, 0.5)), (3, (0.9, 0.5)), (6, (0.5, 0.1)), (8, (0.5, 0.9))], ids=str
)
def test_a_developed_raw_is_turned_upright(
    tmp_path: Path, out: Path, orientation: int, at: tuple[float, float]
) -> None:
    source = raws.dng(tmp_path / "photo", (600, 400), RED, left=BLUE, orientation=orientation)

    picture = develop(source, out)

    assert (picture.width, picture.height) == ((600, 400) if orientation < 5 else (400, 600))
    assert is_near(colour(picture, *at), BLUE)
    assert is_near(colour(picture, 1 - at[0], 1 - at[1]), RED)


@pytest.mark.parametrize("size", [(600, 400), (400, 600)], ids=["as the sensor", "turned by the camera"])
def test_the_cameras_jpeg_is_turned_upright_once(tmp_path: Path, out: Path, size: tuple[int, int]) -> None:
    source = raws.dng(tmp_path / "photo", (600, 400), RED, orientation=6, preview=jpeg(size))

    picture = develop(source, out)

    assert (picture.width, picture.height, picture.notes[0].code) == (400, 600, "raw-preview")


def test_the_metadata_of_a_raw_are_read(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (600, 400), RED, tags={DATE: "2024:01:02 03:04:05", 0x010E: "A caption"})

    metadata = develop(source, out).metadata

    assert (metadata.taken_at, metadata.camera) == ("2024-01-02T03:04:05", "Example One")
    assert metadata.caption == "A caption"


@pytest.mark.parametrize("preview", [b"", jpeg((600, 400))], ids=["without a JPEG", "with a JPEG"])
def test_a_truncated_raw_is_rejected(tmp_path: Path, out: Path, preview: bytes) -> None:
    source = raws.dng(tmp_path / "photo", (600, 400), RED, preview=preview)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code, caught.value.permanent) == ("truncated", True)


def test_a_raw_that_needs_too_much_memory_is_rejected(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (2000, 1400), RED)
    recipe = replace(DEFAULT, limits=Limits(memory_bytes=80_000_000))

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, recipe)

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


def test_a_raw_is_developed_in_the_sandbox(tmp_path: Path, out: Path) -> None:
    source = raws.dng(tmp_path / "photo", (5200, 3400), RED)

    with Sandbox() as sandbox:
        picture = sandbox.develop(source, out)

    assert (picture.width, picture.notes[0].code) == (5200, "raw-developed")


def test_the_decoders_of_raw_and_jpeg_xl_are_not_imported_for_other_photos(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (64, 64)).save(source, "JPEG")
    code = f"""
import sys
from pathlib import Path
import processing.pipeline.process.child
from processing.pipeline.render.develop import develop
develop(Path({str(source)!r}), Path({str(out)!r}))
print([name for name in ("numpy", "rawpy", "pillow_jxl") if name in sys.modules])
"""
    process = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert process.stdout == "[]\n"
