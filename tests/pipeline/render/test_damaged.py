"""The decodable part of a damaged file becomes a picture on request, with a note and within the same limits."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageFile, ImageStat

from processing.pipeline import ImageRejected
from processing.pipeline.render.develop import develop
from processing.pipeline.render.preview import preview
from tests.pipeline import raws
from tests.pipeline.test_memory_limits import BOMBS
from tests.pipeline.test_slight_damage import encoded, restarts, scene, with_restarts

BLUE, RED = (20, 60, 200), (200, 30, 30)


def truncated(name: str) -> bytes:
    buffer = BytesIO()
    scene().save(buffer, name)
    return buffer.getvalue()[: len(buffer.getvalue()) * 2 // 3]


def with_stray_marker() -> bytes:
    content = with_restarts()
    at = restarts(content)[7]
    return content[: at - 40] + b"\xff\xc1" + content[at - 38 :]


FILES = {
    "a truncated JPEG": truncated("JPEG"),
    "a truncated PNG": truncated("PNG"),
    "a truncated progressive JPEG": encoded(progressive=True)[:-900],
    "a stray marker": with_stray_marker(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_the_decodable_part_is_shown_with_a_note(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content)
    with pytest.raises(ImageRejected):
        develop(source, out)

    picture = develop(source, out, is_damaged=True)

    assert (picture.width, picture.height) == (320, 240)
    assert [note.code for note in picture.notes] == ["published-damaged"]
    assert source.read_bytes() == content
    assert not ImageFile.LOAD_TRUNCATED_IMAGES  # the next file is decoded strictly again


def halves(mode: str = "RGB") -> Image.Image:
    """Returns a picture that is red above and blue below."""
    image = Image.new("RGB", (640, 480), RED)
    image.paste(scene().resize((640, 240)), (0, 0))
    image.paste(RED, (0, 0, 640, 60))
    image.paste(BLUE, (0, 420, 640, 480))
    return image.convert(mode)


def encoded_as(name: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = BytesIO()
    if name == "HEIF":
        pillow_heif.from_pillow(halves(mode)).save(buffer, quality=90)
    else:
        halves(mode).save(buffer, name, **options)
    return buffer.getvalue()


COMPLETE: dict[str, bytes] = {
    "HEIC": encoded_as("HEIF"),
    "lossy WebP": encoded_as("WEBP", quality=90),
    "lossy WebP with transparency": encoded_as("WEBP", "RGBA", quality=90),
    "lossless WebP": encoded_as("WEBP", lossless=True),
}


@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_the_rows_before_the_missing_data_are_shown(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    picture = develop(source, out, is_damaged=True)

    assert caught.value.code == "truncated"
    assert (picture.width, picture.height) == (640, 480)
    assert [note.code for note in picture.notes] == ["published-damaged"]
    for image in (Image.open(picture.renditions[0].path), Image.open(BytesIO(preview(source)))):
        above, below = (
            ImageStat.Stat(image.convert("RGB").crop((0, top, image.width, top + 20))) for top in (0, image.height - 20)
        )
        assert max(abs(mean - red) for mean, red in zip(above.mean, RED, strict=True)) < 8
        assert max(below.stddev) < 2
        assert below.mean[2] < 140  # not the blue of the missing rows


@pytest.mark.parametrize("length", [40, 500])
@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_a_file_that_lacks_nearly_all_data_is_rejected(tmp_path: Path, out: Path, content: bytes, length: int) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content[:length])

    for attempt in (lambda: develop(source, out, is_damaged=True), lambda: preview(source)):
        with pytest.raises(ImageRejected) as caught:
            attempt()
        assert caught.value.code == "truncated"


def test_a_truncated_avif_or_animation_is_rejected(tmp_path: Path, out: Path) -> None:
    animation = encoded_as("WEBP", save_all=True, append_images=[halves().rotate(90)], duration=100)
    for content in (encoded_as("AVIF"), animation):
        source = tmp_path / "photo"
        source.write_bytes(content[: len(content) // 2])

        with pytest.raises(ImageRejected) as caught:
            develop(source, out, is_damaged=True)
        assert caught.value.code == "truncated"


@pytest.mark.parametrize(("size", "is_shown"), [((1500, 1000), True), ((600, 400), False)], ids=["large", "thumbnail"])
def test_the_embedded_jpeg_of_a_truncated_raw_is_shown(
    tmp_path: Path, out: Path, size: tuple[int, int], is_shown: bool
) -> None:
    jpeg = BytesIO()
    Image.new("RGB", size, BLUE).save(jpeg, "JPEG")
    source = raws.dng(tmp_path / "photo", (3000, 2000), BLUE, preview=b"")
    source.write_bytes(source.read_bytes()[:9000] + jpeg.getvalue())

    if is_shown:
        picture = develop(source, out, is_damaged=True)
        assert (picture.format, picture.width, picture.height) == ("DNG", *size)
    else:
        with pytest.raises(ImageRejected):
            develop(source, out, is_damaged=True)


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_rejected_although_damaged_files_are_allowed(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, is_damaged=True)

    assert caught.value.code == "too-many-pixels"
