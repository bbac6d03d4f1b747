"""Placeholders of tiles, as short as possible."""

import base64
from io import BytesIO

import pytest
from PIL import Image

from albums.grid import placeholders

PREFIX = "data:image/webp;base64,"


def webp(mode: str, **options: object) -> str:
    picture = Image.linear_gradient("L").resize((16, 11)).convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize((16, 11)))
    buffer = BytesIO()
    picture.save(buffer, "WEBP", **options)
    return PREFIX + base64.b64encode(buffer.getvalue()).decode()


def test_a_lossy_placeholder_loses_its_23_constant_bytes():
    placeholder = webp("RGB", quality=20, method=4)
    data = base64.b64decode(placeholder.removeprefix(PREFIX))

    short = placeholders.shorten(placeholder)

    frame = base64.b64decode(short + "=" * (-len(short) % 4))
    length = int.from_bytes(data[16:20], "little")
    assert frame[:3] + data[23:26] + frame[3:] == data[20 : 20 + length]
    assert len(frame) == length - 3


@pytest.mark.parametrize("placeholder", [webp("RGBA"), webp("RGB", lossless=True)], ids=["transparent", "lossless"])
def test_another_webp_stays_whole(placeholder):
    assert PREFIX + placeholders.shorten(placeholder) == placeholder


@pytest.mark.parametrize("placeholder", ["", PREFIX, "data:image/webp;base64,!"])
def test_without_a_picture_the_result_is_empty(placeholder):
    assert placeholders.shorten(placeholder) == ""
