"""The composition of orientations, compared with Pillow's transpositions of a real picture."""

import pytest
from PIL import Image

from albums.columns import orientation
from processing.pipeline.orientation import TURNS

pytestmark = pytest.mark.once

CODES = range(1, 9)


def picture() -> Image.Image:
    """A picture of 2 by 3 pixels that all differ."""
    image = Image.new("L", (2, 3))
    image.putdata(range(6))
    return image


def turned(image: Image.Image, code: int) -> Image.Image:
    return image.transpose(TURNS[code]) if code in TURNS else image


def pixels(image: Image.Image) -> tuple[tuple[int, int], bytes]:
    return image.size, image.tobytes()


def test_composing_is_turning_twice():
    for first in CODES:
        for then in CODES:
            twice = turned(turned(picture(), first), then)
            assert pixels(turned(picture(), orientation.composed(first, then))) == pixels(twice), (first, then)


def test_the_difference_turns_one_orientation_into_another():
    for before in CODES:
        for after in CODES:
            turn = orientation.difference(before, after)
            assert pixels(turned(turned(picture(), before), turn)) == pixels(turned(picture(), after)), (before, after)


def test_the_turns_of_the_buttons():
    sizes = {name: turned(picture(), code).size for name, code in orientation.TURNS.items()}

    assert sizes == {"right": (3, 2), "left": (3, 2), "180": (2, 3), "flip": (2, 3)}
    # The top row of the picture, 0 1, is the right column after a turn to the right.
    assert turned(picture(), orientation.TURNS["right"]).crop((2, 0, 3, 2)).tobytes() == bytes([0, 1])
    assert turned(picture(), orientation.TURNS["flip"]).tobytes()[:2] == bytes([1, 0])


def test_a_recipe_mark_names_the_orientation():
    marks = ["6", "6-0123456789ab", "6-o6", "6-0123456789ab-o8"]

    assert [orientation.of_recipe(mark) for mark in marks] == [1, 1, 6, 8]
    assert [orientation.marked("6", 1), orientation.marked("6-0123456789ab", 8)] == ["6", "6-0123456789ab-o8"]
