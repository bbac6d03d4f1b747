"""Stars, as editors, cameras and Windows write them: `4`, `4.0`, `-1.0`, `75%`."""

from __future__ import annotations

import math
import re

REJECTED, MOST, MOST_TEXT = -1, 5, 40
NUMBER = re.compile(r"\s*([+-]?\d{1,3}(?:[.,]\d{1,6})?)\s*(%?)\s*")
# The least percent of one star, two stars and so on, as Windows reads them (System.Rating). It writes 1, 25, 50, 75 and 99.
PERCENT = (1, 13, 38, 63, 88)


def first(*candidates: str | None) -> int | None:
    """The first that is a rating, in stars from 0 to 5; -1 is XMP's "rejected"."""
    return next((stars for stars in map(_stars, candidates) if stars is not None), None)


def _stars(written: str | None) -> int | None:
    found = NUMBER.fullmatch(written or "") if len(written or "") <= MOST_TEXT else None
    if not found:
        return None
    number = float(found[1].replace(",", "."))
    if found[2] or number > MOST:
        return sum(number >= least for least in PERCENT) if 0 <= number <= 100 else None
    return math.floor(number + 0.5) if number >= REJECTED else None
