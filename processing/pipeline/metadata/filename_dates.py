"""Parses the date taken from file names, as phones, messengers and programs write them.

IMG_20240131_142233.jpg, PXL_20231006_172623175.jpg, 2024-01-31 14.22.33.png, Screenshot 2024-01-31 at 2.22.33 PM.png,
WhatsApp Image 2024-01-31 at 14.22.33.jpeg, signal-2024-01-31-142233.jpg, IMG-20240131-WA0007.jpg, mmexport1706711553000.jpg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from processing.pipeline.metadata import dates, year_last_dates
from processing.pipeline.metadata.dates import CaptureDate

DATE = r"(?<!\d)((?:19|20)\d\d)([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
TIME = r"([01]\d|2[0-3]|\d(?=[-_.: ]))([-_.: ]?)([0-5]\d)\6([0-5]\d)(?:[-_.]?(\d{3})(?!\d))?(?!\d)"
HALF = rf"(?:(?:\s*|_(?=[ap]m(?!\w)))({dates.HALF})(?!\w))?"
MOMENT = re.compile(
    DATE + r"(?:[-_. T]|\s*-\s*|,\s*|,?[\s_]+at[\s_]+|\s+um\s+|\s+à\s+|,?\s+a\s+las?\s+)?" + TIME + HALF, re.IGNORECASE
)
DAY = re.compile(DATE + r"(?!\d)")
# photo_1@31-01-2024_14-22-33.jpg (Telegram, day first), Photo 31-01-2024.jpg
YEAR_LAST = re.compile(r"(@|(?<![\d-]))(\d\d)([-_.])(\d\d)\3((?:19|20)\d\d)(?!\d)")
# vlcsnap-2024-01-31-14h22m33s123.png
LETTERED = re.compile(r"(?<!\d)(\d\d)h(\d\d)m(\d\d)(?:s(?!\d{4}))?", re.IGNORECASE)
# WeChat, Facebook, and names of milliseconds only. In any other name thirteen digits are just a number.
MILLISECONDS = re.compile(
    r"(?:.*?(?<![A-Za-z])(?:mmexport(?:[0-9a-f]{32}_)?|wx_camera_|microMsg\.|FB_IMG_)(\d{13})(?!\d).*"
    r"|(\d{13})(?:(?:[-_~ ]\(?|\()\d{1,3}\)?)?(?:\.\w{2,5})?)",
    re.IGNORECASE,
)
# Google's Pixel phones and OneDrive on iPhones use UTC in names. All others use local time, unless a Z follows it.
UNIVERSAL = re.compile(r"PXL_|\d{8}_\d{9}_iOS", re.IGNORECASE)
ZULU = re.compile(r"Z(?![A-Za-z])")
MAX_LENGTH = 255


def read(name: str) -> CaptureDate | None:
    """Returns the date in a file name, or None."""
    name = name[:MAX_LENGTH].translate(dates.NARROW_SPACES)  # macOS writes a narrow space before PM
    if match := MILLISECONDS.fullmatch(name):
        return dates.from_milliseconds(int(match[1] or match[2]))
    name = LETTERED.sub(r"\1.\2.\3.", YEAR_LAST.sub(_year_first, name))
    return next(_exact(name), None) or next(_days(name), None)


def _year_first(match: re.Match[str]) -> str:
    sign, first, _, second, year = match.groups()
    ordered = year_last_dates.month_and_day(int(first), int(second), is_day_first=sign == "@")
    return f"{sign}{year}-{ordered[0]:02}-{ordered[1]:02}" if ordered else match[0]


def _exact(name: str) -> Iterator[CaptureDate]:
    for match in MOMENT.finditer(name):
        zone = UTC if UNIVERSAL.match(name) or ZULU.match(name, match.end()) else None
        year, _, month, day, hour, separator, minute, second, fraction, half = match.groups(default="")
        # Times without separators are written by programs, which use 24 hours.
        if separator and dates.is_ambiguous_hour(int(hour), half, name[match.end() :]):
            continue
        moment = _moment(year, month, day, str(dates.hour_of_day(int(hour), half)), minute, second, zone=zone)
        if moment:
            yield CaptureDate(moment.replace(microsecond=1000 * int(fraction or 0)))


def _days(name: str) -> Iterator[CaptureDate]:
    moments = (_moment(match[1], match[3], match[4]) for match in DAY.finditer(name))
    yield from (CaptureDate(moment, is_exact=False) for moment in moments if moment)


def _moment(*parts: str, zone: tzinfo | None = None) -> datetime | None:
    try:
        moment = datetime(*(int(part) for part in parts))  # type: ignore[arg-type] # no part is a zone
    except ValueError:
        return None
    return None if dates.is_clock_epoch(moment) else moment.replace(tzinfo=zone)
