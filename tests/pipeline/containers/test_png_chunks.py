"""A PNG with damaged pixels is rejected; one with intact pixels and a wrong checksum is shown with a note."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected, Picture
from processing.pipeline.containers.png_chunks import SIGNATURE
from processing.pipeline.render.develop import develop

SIZE = (320, 240)


def picture(mode: str = "RGB", seed: int = 1) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    return Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).convert(mode)


def encoded(mode: str = "RGB", **options: Any) -> bytes:
    buffer = BytesIO()
    picture(mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def spans(content: bytes, kind: bytes) -> list[tuple[int, int]]:
    """Returns the start and end of the content of each chunk of that kind."""
    ranges, at = [], len(SIGNATURE)
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        if content[at + 4 : at + 8] == kind:
            ranges.append((at + 8, at + 8 + length))
        at += 12 + length
    return ranges


def flipped(content: bytes, at: int, bit: int = 0) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)


def developed(tmp_path: Path, out: Path, content: bytes, **options: Any) -> Picture:
    source = tmp_path / "photo.png"
    source.write_bytes(content)
    return develop(source, out, **options)


def rejection(tmp_path: Path, out: Path, content: bytes, **options: Any) -> str:
    with pytest.raises(ImageRejected) as caught:
        developed(tmp_path, out, content, **options)
    return caught.value.code


KINDS: dict[str, Callable[[], bytes]] = {
    "RGB": encoded,
    "grey": lambda: encoded("L"),
    "transparent": lambda: encoded("RGBA"),
    "palette": lambda: encoded("P"),
    "uncompressed": lambda: encoded(compress_level=0),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_one_changed_bit_in_the_pixels_is_detected_as_damage(
    tmp_path: Path, out: Path, make: Callable[[], bytes], seed: int
) -> None:
    content = make()
    generator = random.Random(seed)
    start, end = generator.choice(spans(content, b"IDAT"))

    changed = flipped(content, generator.randrange(start, end), generator.randrange(8))

    assert rejection(tmp_path, out, changed) in ("broken", "truncated")


def test_a_wrong_checksum_of_intact_pixels_results_in_a_note(tmp_path: Path, out: Path) -> None:
    content = encoded()
    _, end = spans(content, b"IDAT")[0]

    photo = developed(tmp_path, out, flipped(content, end))

    assert [note.code for note in photo.notes] == ["slightly-damaged"]
    assert "checksum" in photo.notes[0].message


def test_damage_in_a_picture_that_is_read_in_bands_is_detected(tmp_path: Path, out: Path) -> None:
    buffer = BytesIO()
    picture().resize((4000, 3000)).save(buffer, "PNG", compress_level=1)
    content = buffer.getvalue()
    small = replace(DEFAULT, limits=replace(DEFAULT.limits, memory_bytes=130_000_000))
    chunks = spans(content, b"IDAT")
    start, end = chunks[len(chunks) // 2]

    assert developed(tmp_path, out, content, recipe=small).notes == ()
    assert rejection(tmp_path, out, flipped(content, (start + end) // 2, 3), recipe=small) in ("broken", "truncated")


def test_damage_in_a_further_frame_is_detected(tmp_path: Path, out: Path) -> None:
    content = encoded(save_all=True, append_images=[picture(seed=2), picture(seed=3)])
    start, end = spans(content, b"fdAT")[-1]

    assert developed(tmp_path, out, content).notes == ()
    assert rejection(tmp_path, out, flipped(content, (start + end) // 2)) in ("broken", "truncated")
    photo = developed(tmp_path, out, flipped(content, end))
    assert [note.code for note in photo.notes] == ["slightly-damaged"]


def test_the_decodable_part_of_a_damaged_png_can_be_published(tmp_path: Path, out: Path) -> None:
    content = encoded("P")
    start, end = spans(content, b"IDAT")[0]
    changed = flipped(content, (start + end) // 2)
    assert rejection(tmp_path, out, changed) == "broken"

    photo = developed(tmp_path, out, changed, is_damaged=True)

    assert [note.code for note in photo.notes] == ["published-damaged"]
