"""Points in time as cameras and editors write them: local, mostly without a zone, often nonsense."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# What phones write in the languages of the world (Unicode CLDR, dayPeriods), in lower case.
MORNING = (
    "am", "a.m.", "a. m.", "上午", "午前", "오전", "ص", "πμ", "π.μ.", "sa", "öö", "de.", "dop.", "fm", "f.m.", "ap.", "पूर्वाह्न",
    "ก่อนเที่ยง", "ق.ظ.", "לפנה״צ",
)  # fmt: skip
AFTERNOON = (
    "pm", "p.m.", "p. m.", "下午", "午後", "오후", "م", "μμ", "μ.μ.", "ch", "ös", "du.", "odp.", "em", "e.m.", "ip.", "अपराह्न",
    "หลังเที่ยง", "ب.ظ.", "אחה״צ",
)  # fmt: skip
HALF = "|".join(map(re.escape, sorted((*MORNING, *AFTERNOON), key=len, reverse=True)))
UNKNOWN_HALF = re.compile(r"\s*(?![A-Za-z\u00c0-\u024f])[^\W\d_]")
"""A word that is not in Latin letters: words in those are zones (`CET`), or have nothing to do with the time."""
NARROW_SPACES = str.maketrans("\u202f\u00a0", "  ")
ZONE = r"Z|(?:UTC|GMT)?\s*[+\-\u2212]\s?\d{1,2}(?::?\d{2})?(?::\d{2})?|UTC|GMT"
DATE = r"(?P<year>\d{4})\s*[:\-/.]\s*(?P<month>\d{1,2})\s*[:\-/.]\s*(?P<day>\d{1,2})(?!\d)"
TIME = (
    rf"(?P<before>{HALF})?\s*(?P<hour>\d{{1,2}})\s*(?P<mark>[:.\-])\s*(?P<minute>\d{{1,2}})"
    rf"(?:\s*(?P=mark)\s*(?P<second>\d{{1,2}}))?(?:[.,](?P<fraction>\d+))?\s*(?:(?P<behind>{HALF})(?!\w))?\s*(?P<zone>{ZONE})?(?![\d:])"
)
WRITTEN = re.compile(rf"{DATE}(?:(?:\s*[T,:]\s*|\s+){TIME})?", re.IGNORECASE)
COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    rf"(?:[ T]?(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d))?(?P<zone>{ZONE})?)?"
)
OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+\-\u2212])\s?(\d{1,2})(?::?(\d{2}))?(?::\d{2})?", re.IGNORECASE)

MOST_TEXT = 100
"""Characters that are looked at. A field full of spaces would be searched for minutes."""
FIRST_PHOTOGRAPH = 1826
NEVER = (datetime(1970, 1, 1), datetime(1904, 1, 1))
"""Where clocks begin to count: programs write these for a time that they do not know."""
FARTHEST_ZONE = timedelta(hours=14)
"""East of UTC: as far ahead may a clock be whose zone is not known."""
CLOCK_ERROR = timedelta(hours=1)
"""As far ahead may a clock be that is set wrong, or to summer time."""


@dataclass(frozen=True, slots=True)
class Told:
    """`moment` is naive where no zone is known. Where only a day is told (not `is_exact`) it is that day's beginning."""

    moment: datetime
    is_exact: bool = True


def from_text(value: str | None, subseconds: str | None = None, offsets: Iterable[str | None] = ()) -> Told | None:
    """The moment in `YYYY:MM:DD HH:MM:SS` (EXIF 3.0, 4.6.5.6) or ISO 8601 (XMP), and what is written instead of them.

    The fraction and the offset may have tags of their own; an offset behind the time counts more, and the first that is one.
    """
    value = (value or "")[:MOST_TEXT].translate(NARROW_SPACES).strip("\0 ")
    found = WRITTEN.match(value) or COMPACT.fullmatch(value)
    if not found:
        return None
    part = found.groupdict()
    day = _told((part["year"], part["month"], part["day"]), is_exact=False)
    half = part.get("before") or part.get("behind") or ""
    if part["hour"] is None or is_unclear(int(part["hour"]), half, value[found.end() :]):
        return day
    zones = filter(None, map(_zone, (part["zone"], *offsets)))
    clock = (hour_of_day(int(part["hour"]), half), part["minute"], part["second"] or 0)
    parts = (part["year"], part["month"], part["day"], *clock)
    return _told(parts, _microsecond(subseconds or part.get("fraction")), next(zones, None)) or day


def from_iso(value: str | None) -> Told | None:
    """A file's own date, as our side writes it; a disk without a clock begins with 1970, or FAT's 1980."""
    try:
        moment = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return Told(moment) if moment and moment.year > 1980 else None


def from_iptc(date: str | None, time: str | None) -> Told | None:
    """IIM 4.2, 2:55 and 2:60: `CCYYMMDD` and `HHMMSS±HHMM`."""
    return from_text(f"{date} {time}") or from_text(date) if date and time else from_text(date)


def from_milliseconds(count: int) -> Told | None:
    """Since 1970 (UTC), as Java's `currentTimeMillis()` tells it."""
    try:
        return Told(datetime.fromtimestamp(count // 1000, UTC) + timedelta(milliseconds=count % 1000))
    except (ValueError, OverflowError, OSError):
        return None


def is_future(moment: datetime, now: datetime) -> bool:
    """Whether no clock that was more or less right can have shown it by `now`, which is aware."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) > now + FARTHEST_ZONE + CLOCK_ERROR
    return moment > now + CLOCK_ERROR


def is_unclear(hour: int, half: str, rest: str) -> bool:
    """Whether nobody knows the half of the day: a word behind the hour may tell it in a language that is not known here."""
    return not half and 1 <= hour <= 12 and bool(UNKNOWN_HALF.match(rest))


def hour_of_day(hour: int, half: str) -> int:
    """From 0 to 23, by the word of MORNING or AFTERNOON beside it. Some phones write 24 for the first hour of the same day."""
    if hour == 24:
        return 0
    if not half or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half.lower() in AFTERNOON else 0)


def written(moment: datetime) -> str:
    """ISO 8601, with a fraction where there is one and an offset where one is known."""
    if moment.microsecond and moment.microsecond % 1000 == 0:
        return moment.isoformat(timespec="milliseconds")
    return moment.isoformat()


def _told(
    parts: tuple[str | int, ...], microsecond: int = 0, zone: timezone | None = None, *, is_exact: bool = True
) -> Told | None:
    year, month, day, hour, minute, second = (*map(int, parts), *(0, 0, 0))[:6]
    try:
        # Some write second 60 and beyond.
        moment = datetime(year, month, day, hour, minute, min(second, 59), microsecond, tzinfo=zone)
    except ValueError:
        return None
    is_known = year >= FIRST_PHOTOGRAPH and moment.replace(tzinfo=None) not in NEVER
    return Told(moment, is_exact) if is_known else None


def _microsecond(fraction: str | None) -> int:
    digits = re.match(r"\d{0,9}", (fraction or "").strip())
    return int((digits[0] if digits else "").ljust(6, "0")[:6])


def _zone(offset: str | None) -> timezone | None:
    """Of `+05:30`, `+0530`, `-5:00`, `+05`, `Z`, `UTC+2`; None of anything else."""
    offset = (offset or "")[:MOST_TEXT].strip("\0 ")
    if offset.upper() in ("Z", "UTC", "GMT"):
        return UTC
    found = OFFSET.fullmatch(offset)
    if not found or int(found[3] or 0) > 59:
        return None
    distance = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(distance if found[1] == "+" else -distance) if distance <= FARTHEST_ZONE else None
