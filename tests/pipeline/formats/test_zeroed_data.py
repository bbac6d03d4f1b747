"""A HEIC, AVIF or WebP picture with zeroed data is rejected; flat pictures and zeros in metadata are accepted."""

from __future__ import annotations

import struct
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processing.pipeline import ImageRejected
from processing.pipeline.containers import heif_items
from processing.pipeline.render.develop import develop

SIZE = (800, 600)
FORMATS: dict[str, dict[str, Any]] = {
    "HEIF": {"quality": 90},
    "AVIF": {"quality": 95, "speed": 10},
    "WEBP": {"quality": 95},
}


@cache
def photo(name: str) -> bytes:
    return encoded(name)


def encoded(name: str, **options: Any) -> bytes:
    coarse = np.random.default_rng(5).integers(0, 255, (300, 400, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).save(buffer, name, **FORMATS[name], **options)
    return buffer.getvalue()


def put(content: bytes, at: int, replacement: bytes) -> bytes:
    return content[:at] + replacement + content[at + len(replacement) :]


def code(tmp_path: Path, out: Path, content: bytes, **options: Any) -> str:
    source = tmp_path / "photo"
    source.write_bytes(content)
    try:
        return ",".join(note.code for note in develop(source, out, **options).notes)
    except ImageRejected as rejection:
        return rejection.code


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("name", FORMATS)
def test_zeros_up_to_the_end_are_detected_as_damage(tmp_path: Path, out: Path, name: str, share: float) -> None:
    content = photo(name)
    at = int(len(content) * share) // 512 * 512

    assert code(tmp_path, out, content) == ""
    assert code(tmp_path, out, content[:at] + bytes(len(content) - at)) in ("broken", "truncated")


@pytest.mark.parametrize(
    ("name", "length"), [("HEIF", 512), ("HEIF", 4096), ("AVIF", 512), ("AVIF", 4096), ("WEBP", 8192)]
)
def test_a_block_of_zeros_is_detected_as_damage(tmp_path: Path, out: Path, name: str, length: int) -> None:
    content = photo(name)

    assert code(tmp_path, out, put(content, len(content) // 2 // 512 * 512, bytes(length))) in ("broken", "truncated")


def test_a_heic_with_a_wrong_box_length_is_detected_as_damaged(tmp_path: Path, out: Path) -> None:
    content = photo("HEIF")
    at = content.index(b"mdat") + 4
    length = int.from_bytes(content[at : at + 4])

    assert code(tmp_path, out, put(content, at, (length + 3000).to_bytes(4))) == "broken"


@pytest.mark.parametrize("colour", ["black", "white", "red"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_flat_picture_is_accepted(tmp_path: Path, out: Path, name: str, colour: str) -> None:
    buffer = BytesIO()
    Image.new("RGB", (4000, 3000), colour).save(buffer, name, quality=80, **({"speed": 10} if name == "AVIF" else {}))

    assert code(tmp_path, out, buffer.getvalue()) == ""


def test_zeros_in_a_frame_of_an_animation_are_detected_as_damage(tmp_path: Path, out: Path) -> None:
    with Image.open(BytesIO(photo("WEBP"))) as image:
        content = encoded("WEBP", save_all=True, append_images=[image.rotate(180)])
    last_frame = content.rindex(b"VP8 ")

    assert code(tmp_path, out, content) == ""
    assert code(tmp_path, out, put(content, last_frame + 2000, bytes(16_000))) == "broken"


def test_zeros_in_metadata_are_accepted(tmp_path: Path, out: Path) -> None:
    tags = Image.Exif()
    tags[0x010E] = "\0" * 9000 + "words"

    for name in FORMATS:
        assert code(tmp_path, out, encoded(name, exif=tags.tobytes())) == ""


@pytest.mark.parametrize("name", FORMATS)
def test_the_decodable_part_of_a_damaged_picture_can_be_published(tmp_path: Path, out: Path, name: str) -> None:
    content = photo(name)
    at = len(content) * 3 // 4

    assert code(tmp_path, out, put(content, at, bytes(8192)), is_damaged=True) == "published-damaged"


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def test_the_tiles_of_a_grid_are_main_items_and_its_thumbnail_is_not(tmp_path: Path) -> None:
    """Items 1 and 2 are tiles, item 3 is the grid of both, and item 4 is the thumbnail of the grid."""
    codings = {1: b"hvc1", 2: b"hvc1", 3: b"grid", 4: b"hvc1"}
    infos = [
        box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), coding, b"\0") for number, coding in codings.items()
    ]
    locations = [struct.pack(">HHHII", number, 0, 1, 1000 * number, 10 * number) for number in (1, 2, 4)]
    references = box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2)) + box(b"thmb", struct.pack(">HHH", 4, 1, 3))
    meta = box(
        b"meta",
        bytes(4),
        box(b"pitm", bytes(4), struct.pack(">H", 3)),
        box(b"iinf", bytes(4), struct.pack(">H", len(infos)), *infos),
        box(b"iref", bytes(4), references),
        box(b"iloc", bytes(4), struct.pack(">HH", 0x4400, len(locations)), *locations),
    )
    source = tmp_path / "grid"
    source.write_bytes(box(b"ftyp", b"heic", bytes(4)) + meta)

    with source.open("rb") as file:
        main_items = {(item.coding, item.extents) for item in heif_items.main_items(file)}

    assert main_items == {("grid", ()), ("hvc1", ((1000, 10),)), ("hvc1", ((2000, 20),))}
