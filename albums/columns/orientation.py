"""Orientations as in EXIF, 1 to 8: how a picture is turned or mirrored. 1 leaves it as it is.

A photo's orientation is applied to its upright original. A rendition's is the one that it was rendered with, which is part of
its recipe mark. Until a rotated photo is rendered again, pages turn its renditions by the difference.
"""

import re

UPRIGHT = 1
TURNS = {"right": 6, "left": 8, "180": 3, "flip": 2}
"""The orientation that each turn is. `right` and `left` are quarter turns, `flip` exchanges left and right."""

# What each does to a point (x to the right, y down, both from the centre): x' = a·x + b·y, y' = c·x + d·y.
_MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, -1, 1, 0),
    7: (0, -1, -1, 0),
    8: (0, 1, -1, 0),
}
_CODES = {matrix: code for code, matrix in _MATRICES.items()}
_MARK = re.compile(r"-o([2-8])$")


def composed(first: int, then: int) -> int:
    """Returns the orientation that has the effect of `first`, and `then` after it."""
    (a, b, c, d), (e, f, g, h) = _MATRICES[first], _MATRICES[then]
    return _CODES[e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d]


def difference(before: int, after: int) -> int:
    """Returns the orientation that turns a picture with orientation `before` into one with `after`."""
    inverse = next(code for code in _MATRICES if composed(before, code) == UPRIGHT)
    return composed(inverse, after)


def swaps_sides(orientation: int) -> bool:
    """True if width and height change places."""
    return orientation >= 5


def marked(recipe: str, orientation: int) -> str:
    """Returns the recipe mark of renditions that are made by the recipe with this orientation."""
    return recipe if orientation == UPRIGHT else f"{recipe}-o{orientation}"


def of_recipe(mark: str) -> int:
    """Returns the orientation in a rendition's recipe mark."""
    match = _MARK.search(mark)
    return int(match[1]) if match else UPRIGHT
