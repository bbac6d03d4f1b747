"""A damaged or cut file is refused, never published grey-bottomed; harmless damage is forgiven."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import ImageRejected
from processing.pipeline.render.develop import develop

FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"]


def noise() -> Image.Image:
    bands = [Image.effect_noise((320, 240), 60) for _ in range(3)]
    return Image.merge("RGB", bands)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_refuses_a_file_whose_end_is_missing(tmp_path: Path, out: Path, name: str, share: float) -> None:
    source = tmp_path / "photo"
    noise().save(source, name)
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])

    assert refusal(source, out) in {("truncated", True), ("broken", True)}


def test_refuses_a_jpeg_that_was_cut_and_closed_again(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2] + b"\xff\xd9")

    assert refusal(source, out) == ("truncated", True)


def test_accepts_a_jpeg_that_is_grey_where_it_ends(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    image = noise()
    image.paste((128, 128, 128), (0, 120, 320, 240))
    image.save(source, "JPEG")

    assert develop(source, out).width == 320


def test_refuses_a_jpeg_with_foreign_bytes_in_its_scan(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    content = source.read_bytes()
    middle = len(content) // 2
    source.write_bytes(content[:middle] + b"\xff\x5f\xff\xc0" * 64 + content[middle + 256 :])

    assert refusal(source, out) == ("broken", True)


def test_refuses_a_jpeg_that_lost_a_stretch_between_restarts(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG", restart_marker_rows=1)
    content = source.read_bytes()
    start, end = content.index(b"\xff\xd2"), content.index(b"\xff\xd5")
    source.write_bytes(content[:start] + content[end:])

    assert refusal(source, out) == ("broken", True)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_accepts_whole_jpegs_of_every_kind(tmp_path: Path, out: Path, mode: str, progressive: bool) -> None:
    source = tmp_path / "photo"
    noise().convert(mode).save(source, "JPEG", progressive=progressive, restart_marker_rows=1)

    assert develop(source, out).width == 320


def test_forgives_bytes_behind_a_jpeg(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    source.write_bytes(source.read_bytes() + b"\xff\x01<html>" * 9999)

    assert develop(source, out).width == 320


def test_forgives_a_wrong_checksum_in_an_optional_png_chunk(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "PNG", dpi=(72, 72))
    content = bytearray(source.read_bytes())
    content[content.index(b"pHYs") + 5] ^= 0xFF
    source.write_bytes(content)

    assert develop(source, out).width == 320


def test_refuses_a_wrong_checksum_in_a_png_header(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "PNG")
    content = bytearray(source.read_bytes())
    content[29] ^= 0xFF
    source.write_bytes(content)

    assert refusal(source, out) == ("broken", True)


def test_a_missing_file_may_come_back(tmp_path: Path, out: Path) -> None:
    assert refusal(tmp_path / "photo", out) == ("unreadable", False)


def refusal(source: Path, out: Path) -> tuple[str, bool]:
    with pytest.raises(ImageRejected) as caught:
        develop(source, out)
    return caught.value.code, caught.value.permanent
