"""What can be decoded of a damaged file becomes a picture when that is asked for, with a note and within the same limits."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from processing.pipeline import Refused
from processing.pipeline.render.develop import develop
from tests.pipeline import raws
from tests.pipeline.test_memory_limits import BOMBS
from tests.pipeline.test_slight_damage import encoded, restarts, scene, with_restarts

BLUE = (20, 60, 200)


def cut(name: str) -> bytes:
    buffer = BytesIO()
    scene().save(buffer, name)
    return buffer.getvalue()[: len(buffer.getvalue()) * 2 // 3]


def stray() -> bytes:
    content = with_restarts()
    at = restarts(content)[7]
    return content[: at - 40] + b"\xff\xc1" + content[at - 38 :]


FILES = {
    "a cut JPEG": cut("JPEG"),
    "a cut PNG": cut("PNG"),
    "a cut progressive JPEG": encoded(progressive=True)[:-900],
    "a stray marker": stray(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_shows_what_is_left_with_a_note(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content)
    with pytest.raises(Refused):
        develop(source, out)

    picture = develop(source, out, is_damaged=True)

    assert (picture.width, picture.height) == (320, 240)
    assert [note.code for note in picture.notes] == ["published-damaged"]
    assert source.read_bytes() == content
    assert not ImageFile.LOAD_TRUNCATED_IMAGES  # the next file meets no mercy


@pytest.mark.parametrize(("size", "is_shown"), [((1500, 1000), True), ((600, 400), False)], ids=["large", "thumbnail"])
def test_of_a_cut_raw_it_is_the_jpeg_inside(tmp_path: Path, out: Path, size: tuple[int, int], is_shown: bool) -> None:
    jpeg = BytesIO()
    Image.new("RGB", size, BLUE).save(jpeg, "JPEG")
    source = raws.dng(tmp_path / "photo", (3000, 2000), BLUE, preview=b"")
    source.write_bytes(source.read_bytes()[:9000] + jpeg.getvalue())

    if is_shown:
        picture = develop(source, out, is_damaged=True)
        assert (picture.format, picture.width, picture.height) == ("DNG", *size)
    else:
        with pytest.raises(Refused):
            develop(source, out, is_damaged=True)


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_stays_refused(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content)

    with pytest.raises(Refused) as caught:
        develop(source, out, is_damaged=True)

    assert caught.value.code == "too-many-pixels"
