"""A JPEG whose data do not fit its pixels is refused, whole ones of every kind are accepted and decoded once."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processing.pipeline import ImageRejected
from processing.pipeline.formats.jpeg import intervals, scans
from processing.pipeline.render.develop import develop
from tests.pipeline.test_rare_kinds import lossless_jpeg
from tests.pipeline.test_slight_damage import END, KINDS, encoded

SIZE = (1600, 1200)
SECTOR, CLUSTER = 512, 4096


def photo(mode: str = "RGB", **options: Any) -> bytes:
    """About 300 kB, so that a sector is a small part of it."""
    coarse = np.random.default_rng(3).integers(0, 255, (120, 160, 3), np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).convert(mode)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def scan(content: bytes) -> tuple[int, int]:
    """Where the data of its first scan begin and the last ones end."""
    start = scans.first_scan(content)
    assert start is not None
    return start, content.rindex(END)


def aligned(content: bytes, share: float, to: int) -> int:
    start, end = scan(content)
    return int(start + (end - start) * share) // to * to


def put(content: bytes, at: int, other: bytes) -> bytes:
    return content[:at] + other + content[at + len(other) :]


def tail(byte: int, share: float, *, closed: bool = False) -> Callable[[bytes], bytes]:
    """From the middle on all bytes are the same: a copy broke off after its whole length had been allocated."""

    def damaged(content: bytes) -> bytes:
        at = aligned(content, share, CLUSTER)
        return content[:at] + bytes((byte,)) * (len(content) - at) + (END if closed else b"")

    return damaged


def hole(byte: int, length: int) -> Callable[[bytes], bytes]:
    return lambda content: put(content, aligned(content, 0.5, length), bytes((byte,)) * length)


def foreign(content: bytes) -> bytes:
    """A cluster of another photo's data: entropy-coded, so with no marker in it."""
    start, _ = scan(content)
    return put(
        content, aligned(content, 0.6, CLUSTER), content[start + 300 : start + 300 + CLUSTER].replace(b"\xff", b"\xfe")
    )


def lost(length: int) -> Callable[[bytes], bytes]:
    def damaged(content: bytes) -> bytes:
        at = aligned(content, 0.4, 1)
        return content[:at] + content[at + length :]

    return damaged


def closed(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: aligned(content, share, 1)].rstrip(b"\xff") + END


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zeros from the middle on": tail(0, 0.5),
    "zeros for the last tenth": tail(0, 0.9),
    "ones from the middle on": tail(0xFF, 0.5),
    "one letter from the middle on": tail(0x55, 0.5),
    "zeros from the middle on, closed": tail(0, 0.5, closed=True),
    "cut in half and closed": closed(0.5),
    "cut near its end and closed": closed(0.99),
    "a sector of zeros": hole(0, SECTOR),
    "a cluster of zeros": hole(0, CLUSTER),
    "a sector of ones": hole(0xFF, SECTOR),
    "a cluster of another photo": foreign,
    "64 bytes lost": lost(64),
}
SEQUENTIAL = {name: options for name, options in KINDS.items() if "progressive" not in name}


@pytest.fixture(scope="module", params=list(SEQUENTIAL.values()), ids=list(SEQUENTIAL))
def sequential(request: pytest.FixtureRequest) -> bytes:
    return photo(**request.param)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_refuses_damage_that_libjpeg_passes_over(
    tmp_path: Path, out: Path, sequential: bytes, damage: Callable[[bytes], bytes]
) -> None:
    assert verdict(tmp_path, out, damage(sequential)) in ("truncated", "broken")


@pytest.mark.parametrize(
    "name", ["cut in half and closed", "cut near its end and closed", "zeros from the middle on", "a cluster of zeros"]
)
def test_refuses_a_damaged_progressive_file(tmp_path: Path, out: Path, name: str) -> None:
    assert verdict(tmp_path, out, DAMAGES[name](photo(progressive=True))) in ("truncated", "broken")


def test_refuses_a_progressive_file_that_was_cut_between_scans_and_closed(tmp_path: Path, out: Path) -> None:
    content = photo(progressive=True)

    assert verdict(tmp_path, out, content[: content.rindex(b"\xff\xda")] + END) == "truncated"


def test_refuses_a_lossless_file_that_was_cut_and_closed(tmp_path: Path, out: Path) -> None:
    content = lossless_jpeg((900, 60), lambda x, y: (x * 7 + y * 31) % 256)

    assert verdict(tmp_path, out, content) == "whole"
    assert verdict(tmp_path, out, closed(0.6)(content)) == "truncated"


def test_a_damaged_stretch_between_two_restarts_is_noticed(tmp_path: Path, out: Path) -> None:
    content = photo(restart_marker_rows=1)
    first = next(scans.scans(content))
    middle = list(scans.intervals(content, first))[37]
    at = (middle.start + middle.end) // 2

    assert verdict(tmp_path, out, put(content, at, bytes(SECTOR))) == "broken"
    assert verdict(tmp_path, out, content[:at] + content[middle.marker :]) == "broken"


def test_another_picture_behind_one_without_its_header_is_not_shown_for_it(tmp_path: Path, out: Path) -> None:
    first = encoded()
    start, _ = scan(first)
    behind = photo("L")

    assert verdict(tmp_path, out, first + behind) == "whole"
    assert verdict(tmp_path, out, put(first, 20, bytes(start + 200 - 20)) + behind) == "broken"


def test_a_height_that_the_data_do_not_fill_is_noticed(tmp_path: Path, out: Path) -> None:
    content = encoded()
    at = content.index(b"\xff\xc0") + 5

    assert verdict(tmp_path, out, put(content, at, (480).to_bytes(2))) == "truncated"


FLAT = {
    "white": lambda mode: Image.new(mode, SIZE, "white"),
    "black": lambda mode: Image.new(mode, SIZE, "black"),
    "flat below": lambda mode: half_flat(mode),
}


def half_flat(mode: str) -> Image.Image:
    with Image.open(BytesIO(photo())) as image:
        image.paste((255, 255, 255), (0, 600, *SIZE))
        return image.convert(mode)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "optimized": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 5, "optimize": True},
    "restarts, progressive": {"restart_marker_rows": 1, "progressive": True},
    "4:4:4": {"subsampling": 0, "optimize": True},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("flat", FLAT.values(), ids=FLAT)
def test_flat_pictures_whose_data_are_zeros_are_whole(
    tmp_path: Path, out: Path, flat: Callable[[str], Image.Image], mode: str, options: dict[str, Any]
) -> None:
    buffer = BytesIO()
    flat(mode).save(buffer, "JPEG", **options)

    assert verdict(tmp_path, out, buffer.getvalue()) == "whole"


@pytest.mark.parametrize(
    "padding",
    [b"\0" * 24, b"\xff" * 900, b"\0" * 5000, b"\x20" * 700],
    ids=lambda value: f"{len(value)}x{value[0]:02x}",
)
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_padding_in_front_of_the_end_marker_is_no_damage(
    tmp_path: Path, out: Path, options: dict[str, Any], padding: bytes
) -> None:
    content = encoded(**options)
    _, end = scan(content)

    assert verdict(tmp_path, out, content[:end] + padding + END) == "whole"


def test_what_most_intervals_have_left_over_is_their_encoders_way(tmp_path: Path, out: Path) -> None:
    content = encoded(restart_marker_rows=1)
    first = next(scans.scans(content))
    rest = bytes(range(1, 201))
    parts = [content[part.start : part.end] + rest for part in scans.intervals(content, first)]
    joined = b"".join(part + bytes((0xFF, 0xD0 + number % 8)) for number, part in enumerate(parts))

    assert verdict(tmp_path, out, content[: first.start] + joined[:-2] + END) == "whole"


def test_a_restart_behind_the_last_block_is_no_damage(tmp_path: Path, out: Path) -> None:
    content = encoded(restart_marker_rows=1)
    _, end = scan(content)
    count = len(list(scans.intervals(content, next(scans.scans(content)))))

    assert verdict(tmp_path, out, content[:end] + bytes((0xFF, 0xD0 + (count - 1) % 8)) + END) == "whole"


def test_pixels_are_those_of_pillow_alone(tmp_path: Path) -> None:
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"mode": "L"}, {"mode": "CMYK"}):
        content = photo(**options)
        for wanted in (SIZE, (700, 500)):
            with Image.open(BytesIO(content)) as watched, Image.open(BytesIO(content)) as plain:
                for image in (watched, plain):
                    image.draft(None, wanted)
                intervals.check_while_loading(watched)
                assert watched.tobytes() == plain.tobytes()


def verdict(tmp_path: Path, out: Path, content: bytes) -> str:
    """`whole` for one without a note; else its code."""
    source = tmp_path / "photo.jpg"
    source.write_bytes(content)
    try:
        picture = develop(source, out)
    except ImageRejected as refused:
        return refused.code
    return picture.notes[0].code if picture.notes else "whole"
