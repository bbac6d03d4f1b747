"""What a lens is called, and where nothing names it, what EXIF's four numbers say of it: `18-55mm f/3.5-5.6`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from processing.pipeline.metadata import text

UNKNOWN = re.compile(r"(?:[-.,0?\s]|mm|f/|n/a|none|unknown|lens|\(|\))*", re.IGNORECASE)
LONGEST_MM, DIMMEST = 10_000, 100


def named(value: str | None) -> str | None:
    """The name in one line; None of what cameras write when they do not know it: `----`, `0.0 mm f/0.0`."""
    name = text.line(value)
    return name if name and not UNKNOWN.fullmatch(name) else None


def described(numbers: Sequence[float | None]) -> str | None:
    """Of the shortest and the longest focal length in mm, and the least f-number at each (EXIF 3.0, LensSpecification).

    None without both focal lengths; an undefined f-number (0/0) is left out.
    """
    if len(numbers) != 4:
        return None
    shortest, longest, *apertures = numbers
    if not shortest or not longest or not 0 < shortest <= longest <= LONGEST_MM:
        return None
    focal = _range(shortest, longest)
    known = [number for number in apertures if number and math.isfinite(number) and 0 < number <= DIMMEST]
    return f"{focal}mm f/{_range(known[0], known[-1])}" if known else f"{focal}mm"


def _range(least: float, most: float) -> str:
    first, last = f"{least:.3g}" if least < 1000 else f"{least:.0f}", f"{most:.3g}" if most < 1000 else f"{most:.0f}"
    return first if first == last else f"{first}-{last}"
