"""A damaged or truncated file is rejected, never published with a grey bottom; a file with harmless damage is accepted."""

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
def test_a_truncated_file_is_rejected(tmp_path: Path, out: Path, name: str, share: float) -> None:
    source = tmp_path / "photo"
    noise().save(source, name)
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])

    assert rejection(source, out) in {("truncated", True), ("broken", True)}


def test_a_truncated_jpeg_with_an_end_marker_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2] + b"\xff\xd9")

    assert rejection(source, out) == ("truncated", True)


def test_a_jpeg_that_is_grey_at_the_bottom_is_accepted(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    image = noise()
    image.paste((128, 128, 128), (0, 120, 320, 240))
    image.save(source, "JPEG")

    assert develop(source, out).width == 320


def test_a_jpeg_with_foreign_bytes_in_its_scan_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    content = source.read_bytes()
    middle = len(content) // 2
    source.write_bytes(content[:middle] + b"\xff\x5f\xff\xc0" * 64 + content[middle + 256 :])

    assert rejection(source, out) == ("broken", True)


def test_a_jpeg_that_lacks_intervals_between_restart_markers_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG", restart_marker_rows=1)
    content = source.read_bytes()
    start, end = content.index(b"\xff\xd2"), content.index(b"\xff\xd5")
    source.write_bytes(content[:start] + content[end:])

    assert rejection(source, out) == ("broken", True)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_complete_jpegs_of_every_kind_are_accepted(tmp_path: Path, out: Path, mode: str, progressive: bool) -> None:
    source = tmp_path / "photo"
    noise().convert(mode).save(source, "JPEG", progressive=progressive, restart_marker_rows=1)

    assert develop(source, out).width == 320


def test_bytes_after_a_jpeg_are_ignored(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "JPEG")
    source.write_bytes(source.read_bytes() + b"\xff\x01<html>" * 9999)

    assert develop(source, out).width == 320


def test_a_wrong_checksum_in_an_optional_png_chunk_is_ignored(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "PNG", dpi=(72, 72))
    content = bytearray(source.read_bytes())
    content[content.index(b"pHYs") + 5] ^= 0xFF
    source.write_bytes(content)

    assert develop(source, out).width == 320


def test_a_png_with_a_wrong_checksum_in_its_header_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    noise().save(source, "PNG")
    content = bytearray(source.read_bytes())
    content[29] ^= 0xFF
    source.write_bytes(content)

    assert rejection(source, out) == ("broken", True)


def test_a_missing_file_is_not_rejected_permanently(tmp_path: Path, out: Path) -> None:
    assert rejection(tmp_path / "photo", out) == ("unreadable", False)


def rejection(source: Path, out: Path) -> tuple[str, bool]:
    with pytest.raises(ImageRejected) as caught:
        develop(source, out)
    return caught.value.code, caught.value.permanent
