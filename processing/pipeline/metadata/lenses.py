"""Names lenses by the name in the metadata, or by EXIF's four numbers: `18-55mm f/3.5-5.6`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from processing.pipeline.metadata import text

UNKNOWN = re.compile(r"(?:[-.,0?\s]|mm|f/|n/a|none|unknown|lens|\(|\))*|\d{1,5}", re.IGNORECASE)
MAX_FOCAL_LENGTH_MM, MAX_F_NUMBER = 10_000, 100


def clean_name(value: str | None) -> str | None:
    """Returns the name on one line; None for the placeholders of cameras for an unknown lens, such as `----`,
    `0.0 mm f/0.0` and a maker's number."""
    name = text.line(value)
    return name if name and not UNKNOWN.fullmatch(name) else None


def name_from_numbers(numbers: Sequence[float | None]) -> str | None:
    """Returns a name from the shortest and longest focal length in mm and the smallest f-number at each.

    The numbers are EXIF 3.0's LensSpecification. None without both focal lengths; an undefined f-number (0/0) is left out.
    """
    if len(numbers) != 4:
        return None
    shortest, longest, *apertures = numbers
    if not shortest or not longest or not 0 < shortest <= longest <= MAX_FOCAL_LENGTH_MM:
        return None
    focal = _range(shortest, longest)
    f_numbers = [number for number in apertures if number and math.isfinite(number) and 0 < number <= MAX_F_NUMBER]
    return f"{focal}mm f/{_range(f_numbers[0], f_numbers[-1])}" if f_numbers else f"{focal}mm"


def _range(low: float, high: float) -> str:
    first, last = f"{low:.3g}" if low < 1000 else f"{low:.0f}", f"{high:.3g}" if high < 1000 else f"{high:.0f}"
    return first if first == last else f"{first}-{last}"
