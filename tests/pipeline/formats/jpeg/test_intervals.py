"""A JPEG with more or less data than its pixels need is rejected. Complete ones of every kind are accepted and decoded once."""

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
    """Returns a JPEG of about 300 kB, so that a sector is a small part of it."""
    coarse = np.random.default_rng(3).integers(0, 255, (120, 160, 3), np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).convert(mode)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def scan(content: bytes) -> tuple[int, int]:
    """Returns the start of the first scan's data and the end of the last scan's."""
    start = scans.first_scan(content)
    assert start is not None
    return start, content.rindex(END)


def aligned(content: bytes, share: float, to: int) -> int:
    start, end = scan(content)
    return int(start + (end - start) * share) // to * to


def put(content: bytes, at: int, replacement: bytes) -> bytes:
    return content[:at] + replacement + content[at + len(replacement) :]


def tail(byte: int, share: float, *, has_end_marker: bool = False) -> Callable[[bytes], bytes]:
    """Returns a function that fills the end of a file with one byte, as if copying had stopped after the allocation."""

    def with_damage(content: bytes) -> bytes:
        at = aligned(content, share, CLUSTER)
        return content[:at] + bytes((byte,)) * (len(content) - at) + (END if has_end_marker else b"")

    return with_damage


def block(byte: int, length: int) -> Callable[[bytes], bytes]:
    return lambda content: put(content, aligned(content, 0.5, length), bytes((byte,)) * length)


def with_foreign_cluster(content: bytes) -> bytes:
    """Replaces a cluster by other entropy-coded data without a marker."""
    start, _ = scan(content)
    return put(
        content, aligned(content, 0.6, CLUSTER), content[start + 300 : start + 300 + CLUSTER].replace(b"\xff", b"\xfe")
    )


def without_bytes(length: int) -> Callable[[bytes], bytes]:
    def with_damage(content: bytes) -> bytes:
        at = aligned(content, 0.4, 1)
        return content[:at] + content[at + length :]

    return with_damage


def truncated_with_end_marker(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: aligned(content, share, 1)].rstrip(b"\xff") + END


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zeros from the middle on": tail(0, 0.5),
    "zeros for the last tenth": tail(0, 0.9),
    "ones from the middle on": tail(0xFF, 0.5),
    "one repeated letter from the middle on": tail(0x55, 0.5),
    "zeros from the middle on, with an end marker": tail(0, 0.5, has_end_marker=True),
    "truncated to half, with an end marker": truncated_with_end_marker(0.5),
    "truncated near its end, with an end marker": truncated_with_end_marker(0.99),
    "a sector of zeros": block(0, SECTOR),
    "a cluster of zeros": block(0, CLUSTER),
    "a sector of ones": block(0xFF, SECTOR),
    "a cluster of another photo": with_foreign_cluster,
    "64 bytes missing": without_bytes(64),
}
SEQUENTIAL = {name: options for name, options in KINDS.items() if "progressive" not in name}


@pytest.fixture(scope="module", params=list(SEQUENTIAL.values()), ids=list(SEQUENTIAL))
def sequential(request: pytest.FixtureRequest) -> bytes:
    return photo(**request.param)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_that_libjpeg_ignores_is_detected(
    tmp_path: Path, out: Path, sequential: bytes, damage: Callable[[bytes], bytes]
) -> None:
    assert verdict(tmp_path, out, damage(sequential)) in ("truncated", "broken")


@pytest.mark.parametrize(
    "name",
    [
        "truncated to half, with an end marker",
        "truncated near its end, with an end marker",
        "zeros from the middle on",
        "a cluster of zeros",
    ],
)
def test_damage_in_a_progressive_jpeg_is_detected(tmp_path: Path, out: Path, name: str) -> None:
    assert verdict(tmp_path, out, DAMAGES[name](photo(progressive=True))) in ("truncated", "broken")


PROGRESSIVE: dict[str, dict[str, Any]] = {
    "plain": {},
    "4:4:4": {"subsampling": 0},
    "restarts": {"restart_marker_rows": 4},
    "grey": {"mode": "L"},
}


@pytest.mark.parametrize("end", [b"", END], ids=["no end marker", "an end marker"])
@pytest.mark.parametrize("length", [200, 2500])
@pytest.mark.parametrize("options", PROGRESSIVE.values(), ids=PROGRESSIVE)
def test_zeros_at_the_end_of_the_last_progressive_scan_are_detected(
    tmp_path: Path, out: Path, options: dict[str, Any], length: int, end: bytes
) -> None:
    """The last scan refines coefficients, where zeros are valid data: they change the last bit of each."""
    content = photo(progressive=True, **options)

    assert verdict(tmp_path, out, content[: -length - len(END)] + bytes(length) + (end or bytes(2))) == "truncated"


def test_a_progressive_jpeg_truncated_between_scans_is_rejected(tmp_path: Path, out: Path) -> None:
    content = photo(progressive=True)

    assert verdict(tmp_path, out, content[: content.rindex(b"\xff\xda")] + END) == "truncated"


def test_a_truncated_lossless_jpeg_with_an_end_marker_is_rejected(tmp_path: Path, out: Path) -> None:
    content = lossless_jpeg((900, 60), lambda x, y: (x * 7 + y * 31) % 256)

    assert verdict(tmp_path, out, content) == "whole"
    assert verdict(tmp_path, out, truncated_with_end_marker(0.6)(content)) == "truncated"


def test_damage_between_two_restart_markers_is_detected(tmp_path: Path, out: Path) -> None:
    content = photo(restart_marker_rows=1)
    first = next(scans.scans(content))
    middle = list(scans.intervals(content, first))[37]
    at = (middle.start + middle.end) // 2

    assert verdict(tmp_path, out, put(content, at, bytes(SECTOR))) == "broken"
    assert verdict(tmp_path, out, content[:at] + content[middle.marker :]) == "broken"


def test_a_second_picture_is_not_shown_instead_of_one_without_a_header(tmp_path: Path, out: Path) -> None:
    first = encoded()
    start, _ = scan(first)
    second = photo("L")

    assert verdict(tmp_path, out, first + second) == "whole"
    assert verdict(tmp_path, out, put(first, 20, bytes(start + 200 - 20)) + second) == "broken"


def test_a_height_that_exceeds_the_data_is_detected(tmp_path: Path, out: Path) -> None:
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
def test_flat_pictures_with_zeros_as_data_are_accepted(
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
def test_padding_before_the_end_marker_is_accepted(
    tmp_path: Path, out: Path, options: dict[str, Any], padding: bytes
) -> None:
    content = encoded(**options)
    _, end = scan(content)

    assert verdict(tmp_path, out, content[:end] + padding + END) == "whole"


def test_excess_bytes_in_most_intervals_are_accepted_as_the_encoders_padding(tmp_path: Path, out: Path) -> None:
    content = encoded(restart_marker_rows=1)
    first = next(scans.scans(content))
    excess = bytes(range(1, 201))
    intervals_with_excess = [
        content[interval.start : interval.end] + excess for interval in scans.intervals(content, first)
    ]
    joined = b"".join(
        interval + bytes((0xFF, 0xD0 + number % 8)) for number, interval in enumerate(intervals_with_excess)
    )

    assert verdict(tmp_path, out, content[: first.start] + joined[:-2] + END) == "whole"


def test_a_restart_marker_after_the_last_block_is_accepted(tmp_path: Path, out: Path) -> None:
    content = encoded(restart_marker_rows=1)
    _, end = scan(content)
    count = len(list(scans.intervals(content, next(scans.scans(content)))))

    assert verdict(tmp_path, out, content[:end] + bytes((0xFF, 0xD0 + (count - 1) % 8)) + END) == "whole"


def test_checked_decoding_returns_the_same_pixels_as_pillow(tmp_path: Path) -> None:
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"mode": "L"}, {"mode": "CMYK"}):
        content = photo(**options)
        for size in (SIZE, (700, 500)):
            with Image.open(BytesIO(content)) as checked, Image.open(BytesIO(content)) as plain:
                for image in (checked, plain):
                    image.draft(None, size)
                intervals.check_while_loading(checked)
                assert checked.tobytes() == plain.tobytes()


def verdict(tmp_path: Path, out: Path, content: bytes) -> str:
    """Returns the code of the rejection or of the note, or `whole`."""
    source = tmp_path / "photo.jpg"
    source.write_bytes(content)
    try:
        picture = develop(source, out)
    except ImageRejected as rejection:
        return rejection.code
    return picture.notes[0].code if picture.notes else "whole"
