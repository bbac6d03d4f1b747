"""Positions with gaps: which numbers photos get between their new neighbours. Pure functions.

A position given at upload is the time in microseconds. Sorting uses the numbers up to MAX_SORTED, so that photos whose upload
began before the album was sorted still arrive at its end. No position is in the future, so that the next upload comes last.
"""

import time
from collections.abc import Sequence

GAP = 1 << 30
"""The distance of two photos after sorting: thirty photos can be put between them before others have to be renumbered."""
MAX_SORTED = 10**15
"""A day in 2001 as an upload's position."""
MIN_POSITION = -(1 << 52)
"""JavaScript's numbers are exact up to 2**53."""
MIN_RENUMBERED_GAP = 1 << 10
REACHES = (0, 8, 64, 500)
"""How many neighbours on each side are renumbered, the fewest first."""

Row = tuple[int, int]
"""A photo's id and position."""


def now() -> int:
    """Returns the position of a photo that is uploaded now."""
    return time.time_ns() // 1000


def sorted_gap(count: int) -> int:
    """Returns the distance between photos of an album of this size after sorting it."""
    return min(GAP, MAX_SORTED // (count + 1))


def spread(lower: int | None, upper: int | None, count: int, latest: int) -> list[int]:
    """Returns `count` positions at equal distances between the two, exclusively; an empty list if there is no room.

    None means that no photo is on that side. `latest` is the highest position that may be given.
    """
    if lower is None:
        lower = 0 if upper is None else max(upper - GAP * (count + 1), MIN_POSITION)
    if upper is None:
        upper = min(lower + GAP * (count + 1), latest + 1)
    step = (upper - lower) // (count + 1)
    return [lower + step * number for number in range(1, count + 1)] if step > 0 else []


def insert(
    before: Sequence[Row], after: Sequence[Row], photos: Sequence[int], latest: int, reaches: Sequence[int] = REACHES
) -> dict[int, int]:
    """Returns the positions with which the photos are between the two sequences, by id; empty if there is no room.

    `before` and `after` are in the album's order and contain up to one row more than the largest of `reaches`. If the gap is
    exhausted, the result contains the neighbours that get new positions, too.
    """
    for reach in reaches:
        left, right = before[max(0, len(before) - reach) :], after[:reach]
        lower = before[-reach - 1][1] if len(before) > reach else None
        upper = after[reach][1] if len(after) > reach else None
        ids = [*(pk for pk, _ in left), *photos, *(pk for pk, _ in right)]
        positions = spread(lower, upper, len(ids), latest)
        is_roomy = len(positions) < 2 or positions[1] - positions[0] >= MIN_RENUMBERED_GAP
        if positions and (not reach or reach == REACHES[-1] or is_roomy):
            return dict(zip(ids, positions, strict=True))
    return {}
