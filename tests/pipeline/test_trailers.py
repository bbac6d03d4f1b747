"""A HEIC or AVIF file is complete if the bytes of all its items are present; bytes after the last box are ignored."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pillow_jxl  # noqa: F401 - teaches Pillow to write it
import pytest
from PIL import Image

from processing.pipeline import ImageRejected
from processing.pipeline.containers import heif_items
from processing.pipeline.formats import heif_plugin
from processing.pipeline.render.develop import develop

heif_plugin.register()

TAILS = {
    "the end of an XML document": b"/>\n<rdf:li>abc</rdf:li>\n</x:xmpmeta>",
    "letters": b"SEFHabcdefghijklmnop",
    "a phone's trailer": b"\0\0\x01\x0aImage_UTC_Data1700000000000SEFH" + struct.pack("<4I", 107, 1, 12, 24) + b"SEFT",
    "a truncated video box": struct.pack(">I", 100_000) + b"mpvd" + bytes(2000),
    "a truncated large box": struct.pack(">I4sQ", 1, b"mpvd", 1 << 40) + bytes(50),
    "a box with an invalid size": struct.pack(">I", 4) + b"free",
    "zeros": bytes(5000),
    "a few zeros": bytes(3),
    "a video": struct.pack(">I", 16) + b"ftypmp42" + bytes(4) + struct.pack(">I", 108) + b"moov" + bytes(100),
    "a truncated video": struct.pack(">I", 16) + b"ftypmp42" + bytes(4) + struct.pack(">I", 5000) + b"mdat" + bytes(9),
    "another file": b"\xff\xd8\xff\xe0" + bytes(500),
}


def noise(size: tuple[int, int] = (160, 120)) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise(size, 60) for _ in range(3)])


def encoded(name: str) -> bytes:
    buffer = BytesIO()
    noise().save(buffer, name, quality=80)
    return buffer.getvalue()


def rejection(source: Path, out: Path) -> tuple[str, bool]:
    with pytest.raises(ImageRejected) as caught:
        develop(source, out)
    return caught.value.code, caught.value.permanent


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("name", ["HEIF", "AVIF", "JXL"])
def test_bytes_after_the_last_box_are_ignored(tmp_path: Path, out: Path, name: str, tail: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(encoded(name) + tail)

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height) == (name, 160, 120)


@pytest.mark.parametrize(
    "tail", [b"", TAILS["the end of an XML document"]], ids=["truncated", "truncated, with a trailer"]
)
@pytest.mark.parametrize("missing", [1, 20, 500])
@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_picture_without_its_last_bytes_is_rejected(
    tmp_path: Path, out: Path, name: str, missing: int, tail: bytes
) -> None:
    content = encoded(name)
    source = tmp_path / "photo"
    source.write_bytes(content[:-missing] + (tail if len(tail) < missing else b""))

    assert rejection(source, out) == ("truncated", True)


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_picture_that_is_cut_within_its_meta_box_is_rejected(tmp_path: Path, out: Path, name: str) -> None:
    content = encoded(name)
    source = tmp_path / "photo"
    source.write_bytes(content[: content.index(b"iprp") + 12])

    assert rejection(source, out) == ("truncated", True)


def test_a_file_that_ends_before_its_meta_box_is_rejected(tmp_path: Path, out: Path) -> None:
    content = encoded("HEIF")
    source = tmp_path / "photo"
    source.write_bytes(content[: int.from_bytes(content[:4])])

    assert rejection(source, out) == ("truncated", True)


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_picture_in_the_meta_box_must_be_complete_and_without_holes(tmp_path: Path, out: Path, name: str) -> None:
    source, content = tmp_path / "photo", in_meta_box(encoded(name))
    source.write_bytes(content + TAILS["letters"])
    assert develop(source, out).width == 160

    source.write_bytes(content[:-2000] + TAILS["letters"])
    assert rejection(source, out) == ("truncated", True)

    source.write_bytes(content[:-3000] + bytes(2000) + content[-1000:])
    assert rejection(source, out) == ("broken", True)


def in_meta_box(content: bytes) -> bytes:
    """Moves the data of the picture, which has one item, from `mdat` to `idat` in `meta`: construction method 1."""
    meta, mdat, iloc = (content.index(kind) - 4 for kind in (b"meta", b"mdat", b"iloc"))
    old_iloc = content[iloc : iloc + int.from_bytes(content[iloc : iloc + 4])]
    item = old_iloc[16:18]
    data = content[mdat + 8 :]
    new_iloc = box(b"iloc", b"\1\0\0\0\x44\0\0\1" + item + struct.pack(">HHHII", 1, 0, 1, 0, len(data)))
    return content[:meta] + box(b"meta", content[meta + 8 : mdat].replace(old_iloc, new_iloc) + box(b"idat", data))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


LAYOUTS = {
    "version 0": (b"\0\0\0\0" + b"\x44\x00" + struct.pack(">HHHHII", 1, 7, 0, 1, 100, 50), 150),
    "version 0, with a base": (b"\0\0\0\0" + b"\x44\x40" + struct.pack(">HHHIHII", 1, 7, 0, 1000, 1, 100, 50), 1150),
    "version 1": (b"\1\0\0\0" + b"\x44\x00" + struct.pack(">HHHHHII", 1, 7, 0, 0, 1, 100, 50), 150),
    "version 1, data in the meta box": (
        b"\1\0\0\0" + b"\x44\x00" + struct.pack(">HHHHHII", 1, 7, 1, 0, 1, 100, 50),
        None,
    ),
    "version 1, data in another file": (
        b"\1\0\0\0" + b"\x44\x00" + struct.pack(">HHHHHII", 1, 7, 0, 1, 1, 100, 50),
        None,
    ),
    "version 1, with an index": (b"\1\0\0\0" + b"\x44\x04" + struct.pack(">HHHHHIII", 1, 7, 0, 0, 1, 9, 100, 50), 150),
    "version 2": (b"\2\0\0\0" + b"\x48\x00" + struct.pack(">IIHHHIQ", 1, 7, 0, 0, 1, 100, 1 << 40), 100 + (1 << 40)),
    "two extents": (b"\0\0\0\0" + b"\x44\x00" + struct.pack(">HHHHIIII", 1, 7, 0, 2, 500, 50, 100, 50), 550),
    "no items": (b"\0\0\0\0\x44\x00\0\0", None),
}


@pytest.mark.parametrize(("iloc", "end"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_end_of_the_last_item_is_found(tmp_path: Path, iloc: bytes, end: int | None) -> None:
    path = tmp_path / "photo"
    path.write_bytes(box(b"meta", bytes(4) + box(b"iloc", iloc)))

    with path.open("rb") as file:
        assert heif_items.data_end(file) == end


def test_a_list_of_items_with_too_many_extents_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    item = struct.pack(">HHH", 7, 0, 65_535)  # 65,535 extents without offsets and lengths
    path.write_bytes(box(b"meta", bytes(4) + box(b"iloc", b"\0\0\0\0\0\0" + struct.pack(">H", 9) + item * 9)))

    with path.open("rb") as file, pytest.raises(ImageRejected) as caught:
        heif_items.data_end(file)

    assert caught.value.code == "bomb"
