"""When a picture was taken, by what its file is called: phones, messengers and programs write the time into the name.

IMG_20240131_142233.jpg, PXL_20231006_172623175.jpg, 2024-01-31 14.22.33.png, Screenshot 2024-01-31 at 2.22.33 PM.png,
WhatsApp Image 2024-01-31 at 14.22.33.jpeg, signal-2024-01-31-142233.jpg, IMG-20240131-WA0007.jpg, mmexport1706711553000.jpg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from processing.pipeline.metadata import dates
from processing.pipeline.metadata.dates import Told

DATE = r"(?<!\d)((?:19|20)\d\d)([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
TIME = r"([01]?\d|2[0-3])([-_.: ]?)([0-5]\d)\6([0-5]\d)(?:[-_.]?(\d{3})(?!\d))?(?!\d)"
HALF = rf"(?:\s*({dates.HALF})(?!\w))?"
MOMENT = re.compile(
    DATE + r"(?:[-_. T]|\s*-\s*|,\s*|,?\s+at\s+|\s+um\s+|\s+à\s+|,?\s+a\s+las?\s+)?" + TIME + HALF, re.IGNORECASE
)
DAY = re.compile(DATE + r"(?!\d)")
# WeChat's, Facebook's, and whatever names its files by the milliseconds alone. Elsewhere thirteen digits are just a number.
MILLISECONDS = re.compile(
    r"(?:.*?(?<![A-Za-z])(?:mmexport(?:[0-9a-f]{32}_)?|wx_camera_|microMsg\.|FB_IMG_)(\d{13})(?!\d).*"
    r"|(\d{13})(?:(?:[-_~ ]\(?|\()\d{1,3}\)?)?(?:\.\w{2,5})?)",
    re.IGNORECASE,
)
# Google's Pixel phones name by universal time, everybody else by the clock on the wall.
UNIVERSAL = re.compile(r"PXL_", re.IGNORECASE)
MOST = 255


def read(name: str) -> Told | None:
    """When the picture was taken, by its file's name alone; None when that tells nothing."""
    name = name[:MOST].translate(dates.NARROW_SPACES)  # macOS puts a narrow space before PM
    if found := MILLISECONDS.fullmatch(name):
        return dates.from_milliseconds(int(found[1] or found[2]))
    return next(_exact(name), None) or next(_days(name), None)


def _exact(name: str) -> Iterator[Told]:
    zone = UTC if UNIVERSAL.match(name) else None
    for found in MOMENT.finditer(name):
        year, _, month, day, hour, mark, minute, second, fraction, half = found.groups(default="")
        # Times without marks between their digits are written by programs, which count to 24.
        if mark and dates.is_unclear(int(hour), half, name[found.end() :]):
            continue
        moment = _moment(year, month, day, str(dates.hour_of_day(int(hour), half)), minute, second, zone=zone)
        if moment:
            yield Told(moment.replace(microsecond=1000 * int(fraction or 0)))


def _days(name: str) -> Iterator[Told]:
    moments_found = (_moment(found[1], found[3], found[4]) for found in DAY.finditer(name))
    yield from (Told(moment, is_exact=False) for moment in moments_found if moment)


def _moment(*parts: str, zone: tzinfo | None = None) -> datetime | None:
    try:
        return datetime(*(int(part) for part in parts)).replace(tzinfo=zone)  # type: ignore[arg-type] # no part is a zone
    except ValueError:
        return None
