"""Parses ratings as editors, cameras and Windows write them: `4`, `4.0`, `-1.0`, `75%`."""

from __future__ import annotations

import math
import re

REJECTED, MAX_STARS, MAX_TEXT = -1, 5, 40
NUMBER = re.compile(r"\s*([+-]?\d{1,3}(?:[.,]\d{1,6})?)\s*(%?)\s*")
# The minimum percentages for one to five stars, as Windows reads them (System.Rating). It writes 1, 25, 50, 75 and 99.
PERCENT = (1, 13, 38, 63, 88)


def first(*candidates: str | None) -> int | None:
    """Returns the first valid rating in stars from 0 to 5, or -1 for XMP's "rejected"; None if there is none."""
    return next((stars for stars in map(_stars, candidates) if stars is not None), None)


def _stars(value: str | None) -> int | None:
    match = NUMBER.fullmatch(value or "") if len(value or "") <= MAX_TEXT else None
    if not match:
        return None
    number = float(match[1].replace(",", "."))
    if match[2] or number > MAX_STARS:
        return sum(number >= minimum for minimum in PERCENT) if 0 <= number <= 100 else None
    return math.floor(number + 0.5) if number >= REJECTED else None
