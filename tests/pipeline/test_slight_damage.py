"""A JPEG with invisible damage is shown with a note; one with visible damage is rejected."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processing.pipeline import DEFAULT, ImageRejected, Picture
from processing.pipeline.formats.jpeg import jpeg_repair, scans
from processing.pipeline.render.develop import develop

RESTART = re.compile(rb"\xff[\xd0-\xd7]")
SIZE = (320, 240)
END = b"\xff\xd9"
TRAILER = b"\0\0\x31\x0aPanorama_Shot_Info" + bytes(50) + struct.pack(">I", 24) + b"ftypmp42" + bytes(3000) + b"SEFT"


def scene(seed: int = 1) -> Image.Image:
    """A picture with detail everywhere, so that damage to any block is visible."""
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)
    image = Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).rectangle((0, 0, 90, 60), (220, 30, 30))
    return image


def encoded(mode: str = "RGB", **options: Any) -> bytes:
    buffer = BytesIO()
    scene().convert(mode).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def with_restarts() -> bytes:
    return encoded(restart_marker_rows=1)


def restarts(content: bytes) -> list[int]:
    return [match.start() for match in RESTART.finditer(content)]


def renumbered(content: bytes, nth: int, by: int) -> bytes:
    changed = bytearray(content)
    position = restarts(content)[nth] + 1
    changed[position] = 0xD0 + (changed[position] - 0xD0 + by) % 8
    return bytes(changed)


def develop_bytes(tmp_path: Path, out: Path, content: bytes) -> Picture:
    source = tmp_path / "photo.jpg"
    source.write_bytes(content)
    return develop(source, out)


def rejection(tmp_path: Path, out: Path, content: bytes) -> tuple[str, bool]:
    with pytest.raises(ImageRejected) as caught:
        develop_bytes(tmp_path, out, content)
    return caught.value.code, caught.value.permanent


def looks_like(picture: Picture, content: bytes) -> bool:
    with Image.open(picture.renditions[0].path) as rendition, Image.open(BytesIO(content)) as intact:
        expected = intact.convert("RGB").resize(rendition.size)
        return bool(np.abs(np.asarray(rendition.convert("RGB"), np.int16) - np.asarray(expected, np.int16)).mean() < 12)


KINDS: dict[str, dict[str, Any]] = {
    "RGB": {},
    "4:4:4": {"subsampling": 0},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}


TAILS = {
    "nothing": b"",
    "zeros": bytes(700),
    "erased flash": b"\xff" * 700,
    "trailer": TRAILER,
    "trailer and erased flash": TRAILER + b"\xff" * 2,
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_missing_end_marker_is_noted(tmp_path: Path, out: Path, options: dict[str, Any], tail: bytes) -> None:
    content = encoded(**options)
    assert content.endswith(END)

    picture = develop_bytes(tmp_path, out, content[:-2] + tail)

    assert (picture.width, picture.height, picture.format) == (*SIZE, "JPEG")
    assert [note.code for note in picture.notes] == ["slightly-damaged"]
    assert "end marker is missing" in picture.notes[0].message
    assert looks_like(picture, content)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_any_number_of_zeros_before_the_end_marker_is_no_damage(
    tmp_path: Path, out: Path, options: dict[str, Any]
) -> None:
    content = encoded(**options)

    for count in (1, 24, 33, 50, 63, 64, 3000):
        picture = develop_bytes(tmp_path, out, content[:-2] + bytes(count) + END)
        assert (picture.notes, looks_like(picture, content)) == ((), True), count


def test_a_restart_interval_that_does_not_fit_the_data_is_rejected(tmp_path: Path, out: Path) -> None:
    content = encoded(restart_marker_blocks=20)
    at = content.index(b"\xff\xdd\0\4") + 4
    assert content[at : at + 2] == b"\0\x14"

    for interval in (0, 1, 19, 21, 40, 65535):
        damaged = content[:at] + interval.to_bytes(2) + content[at + 2 :]
        assert rejection(tmp_path, out, damaged)[0] in {"truncated", "broken"}, interval


def test_a_restart_marker_before_the_end_marker_is_no_damage(tmp_path: Path, out: Path) -> None:
    content = with_restarts()

    picture = develop_bytes(tmp_path, out, content[:-2] + b"\xff" + bytes([0xD0 + len(restarts(content)) % 8]) + END)

    assert (picture.notes, looks_like(picture, content)) == ((), True)


def test_a_few_zeros_do_not_hide_that_the_end_is_missing(tmp_path: Path, out: Path) -> None:
    content = encoded()

    for count in (33, 50, 63):
        damaged = content[: len(content) * 97 // 100] + bytes(count) + END
        assert rejection(tmp_path, out, damaged)[0] in {"truncated", "broken"}, count


def test_the_progressive_parameters_of_a_sequential_scan_are_ignored(tmp_path: Path, out: Path) -> None:
    content = encoded()
    end = content.index(b"\xff\xda") + 2 + 12

    for parameters in (b"\0\0\0", b"\0\x3f\x11", b"\1\5\x21"):
        picture = develop_bytes(tmp_path, out, content[: end - 3] + parameters + content[end:])
        assert (picture.notes, looks_like(picture, content)) == ((), True), parameters


@pytest.mark.parametrize(
    "tail", [b"\xff\xe1\0\x20Exif", b"\xff\x5f\xff\xc4", b"\xff\xd3\xff\xd8\xff\xc0\0\1"], ids=repr
)
def test_a_trailer_may_contain_bytes_that_look_like_markers(tmp_path: Path, out: Path, tail: bytes) -> None:
    content = encoded()

    picture = develop_bytes(tmp_path, out, content[:-2] + bytes(9) + tail * 50)

    assert [note.code for note in picture.notes] == ["slightly-damaged"]
    assert looks_like(picture, content)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
def test_a_jpeg_that_lacks_part_of_its_picture_is_rejected(
    tmp_path: Path, out: Path, options: dict[str, Any], share: float
) -> None:
    content = encoded(**options)

    assert rejection(tmp_path, out, content[: int(len(content) * share)]) in {("truncated", True), ("broken", True)}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_jpeg_that_is_cut_within_its_end_marker_is_rejected(
    tmp_path: Path, out: Path, options: dict[str, Any]
) -> None:
    assert rejection(tmp_path, out, encoded(**options)[:-1]) == ("truncated", True)


def test_a_progressive_jpeg_without_its_last_scan_is_rejected(tmp_path: Path, out: Path) -> None:
    content = encoded(progressive=True)
    last = content.rindex(b"\xff\xda")

    assert rejection(tmp_path, out, content[:last]) == ("truncated", True)


@pytest.mark.parametrize("by", range(1, 8))
def test_restart_markers_out_of_order_are_noted(tmp_path: Path, out: Path, by: int) -> None:
    content = with_restarts()

    picture = develop_bytes(tmp_path, out, renumbered(content, 6, by))

    assert [note.code for note in picture.notes] == ["slightly-damaged"]
    assert "restart markers are out of order" in picture.notes[0].message
    assert looks_like(picture, content)


def test_identical_restart_markers_are_noted(tmp_path: Path, out: Path) -> None:
    content = with_restarts()

    picture = develop_bytes(tmp_path, out, RESTART.sub(b"\xff\xd0", content))

    assert [note.code for note in picture.notes] == ["slightly-damaged"]
    assert looks_like(picture, content)


def test_a_stray_marker_that_decoders_skip_is_noted(tmp_path: Path, out: Path) -> None:
    """After the last block of an interval, decoders skip all bytes before the next restart marker."""
    content = with_restarts()
    at = restarts(content)[-1]

    for marker in (b"\xff\x02", b"\xff\x5f"):
        picture = develop_bytes(tmp_path, out, content[:at] + marker + content[at:])

        assert [note.code for note in picture.notes] == ["slightly-damaged"]
        assert "stray marker" in picture.notes[0].message
        assert looks_like(picture, content)


def test_stray_bytes_before_a_restart_marker_are_no_damage(tmp_path: Path, out: Path) -> None:
    content = with_restarts()
    at = restarts(content)[4]

    assert develop_bytes(tmp_path, out, content[:at] + bytes(4) + content[at:]).notes == ()


DAMAGED: dict[str, Callable[[bytes, list[int]], bytes]] = {
    "several intervals are missing": lambda content, at: content[: at[2]] + content[at[5] :],
    "an interval is missing": lambda content, at: content[: at[2]] + content[at[3] :],
    "an interval is repeated": lambda content, at: content[: at[3]] + content[at[2] :],
    "a marker in the middle of an interval": lambda content, at: (
        content[: at[7] - 40] + b"\xff\xc1" + content[at[7] - 38 :]
    ),
    "half of an interval is missing": lambda content, at: content[: at[3] + 30] + content[at[4] :],
    "a restart marker is missing": lambda content, at: content[: at[3]] + content[at[3] + 2 :],
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_visible_damage_is_rejected(tmp_path: Path, out: Path, damage: Callable[[bytes, list[int]], bytes]) -> None:
    content = renumbered(with_restarts(), -1, 2)  # in addition to the damage, one marker has a wrong number

    assert rejection(tmp_path, out, damage(content, restarts(content))) in {("broken", True), ("truncated", True)}


def test_a_damaged_file_too_large_to_be_held_in_memory_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(renumbered(with_restarts(), 3, 3))

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, replace(DEFAULT, limits=replace(DEFAULT.limits, max_buffered_bytes=1000)))

    assert caught.value.code == "too-heavy"


def test_the_metadata_of_a_repaired_file_is_read(tmp_path: Path, out: Path) -> None:
    tags = Image.Exif()
    tags[0x0110] = "Example One"

    picture = develop_bytes(tmp_path, out, encoded(exif=tags.tobytes())[:-2])

    assert picture.metadata.camera == "Example One"


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"mode": "L"}, {"subsampling": 1}], ids=str)
def test_the_restart_markers_of_a_scan_are_counted(options: dict[str, Any]) -> None:
    content = encoded(restart_marker_blocks=3, **options)
    frame = scans.frame(content)

    assert frame is not None
    assert frame.restarts(next(scans.scans(content))) == len(restarts(content))


def test_lenient_repair_loses_only_the_damaged_rows() -> None:
    content = with_restarts()
    at = restarts(content)[7]

    repaired = jpeg_repair.repair_leniently(content[: at - 4] + b"\xff\xc1" + content[at - 2 :])

    with Image.open(BytesIO(repaired)) as image, Image.open(BytesIO(content)) as intact:
        damaged_rows = np.abs(np.asarray(image, np.int16) - np.asarray(intact, np.int16)).max(axis=(1, 2)) > 9
    assert damaged_rows.sum() <= 20  # of 240 rows: a row of blocks, and the rows interpolated around it
