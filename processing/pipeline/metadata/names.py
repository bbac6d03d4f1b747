"""When a picture was taken, by what its file is called: phones, messengers and programs write the time into the name.

IMG_20240131_142233.jpg, PXL_20231006_172623175.jpg, 2024-01-31 14.22.33.png, Screenshot 2024-01-31 at 2.22.33 PM.png,
WhatsApp Image 2024-01-31 at 14.22.33.jpeg, signal-2024-01-31-142233.jpg, IMG-20240131-WA0007.jpg.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

DATE = r"(?<!\d)((?:19|20)\d\d)([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
TIME = r"([01]?\d|2[0-3])([-_.: ]?)([0-5]\d)\6([0-5]\d)(?:[-_.]?(\d{3})(?!\d))?(?:\s*([AaPp])\.?[Mm]\b)?"
MOMENT = re.compile(DATE + r"(?:[-_. T]|\s*-\s*|,\s*|,?\s+at\s+|\s+um\s+|\s+à\s+)?" + TIME + r"(?!\d)")
DAY = re.compile(DATE + r"(?!\d)")
# Google's Pixel phones name by universal time, everybody else by the clock on the wall.
UNIVERSAL = re.compile(r"PXL_", re.IGNORECASE)
MOST = 255


@dataclass(frozen=True, slots=True)
class Named:
    """What a name tells: `is_exact` when it has a time, not the day alone."""

    moment: datetime
    is_exact: bool


def read(name: str) -> Named | None:
    name = name[:MOST].replace("\u202f", " ").replace("\u00a0", " ")  # macOS puts a narrow space before PM
    if found := MOMENT.search(name):
        year, _, month, day, hour, _, minute, second, fraction, half = found.groups()
        zone = UTC if UNIVERSAL.match(name) else None
        moment = _moment(year, month, day, str(_hour(int(hour), half)), minute, second, zone=zone)
        if moment:
            return Named(moment.replace(microsecond=1000 * int(fraction or 0)), is_exact=True)
    if found := DAY.search(name):
        moment = _moment(found[1], found[3], found[4])
        return Named(moment, is_exact=False) if moment else None
    return None


def _hour(hour: int, half: str | None) -> int:
    if half is None or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half in "Pp" else 0)


def _moment(*parts: str, zone: tzinfo | None = None) -> datetime | None:
    try:
        return datetime(*(int(part) for part in parts)).replace(tzinfo=zone)  # type: ignore[arg-type] # no part is a zone
    except ValueError:
        return None
