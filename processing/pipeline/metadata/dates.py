"""Parses dates as cameras and editors write them: in local time, mostly without an offset, often invalid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from processing.pipeline.metadata import year_last_dates

# The day periods that phones write in their users' languages (Unicode CLDR, dayPeriods), in lower case.
MORNING = (
    "am", "a.m.", "a. m.", "上午", "午前", "오전", "ص", "πμ", "π.μ.", "sa", "öö", "de.", "dop.", "fm", "f.m.", "ap.", "पूर्वाह्न",
    "ก่อนเที่ยง", "ق.ظ.", "לפנה״צ", "vorm.", "vm.",
)  # fmt: skip
AFTERNOON = (
    "pm", "p.m.", "p. m.", "下午", "午後", "오후", "م", "μμ", "μ.μ.", "ch", "ös", "du.", "odp.", "em", "e.m.", "ip.", "अपराह्न",
    "หลังเที่ยง", "ب.ظ.", "אחה״צ", "nachm.", "nm.",
)  # fmt: skip
HALF = "|".join(map(re.escape, sorted((*MORNING, *AFTERNOON), key=len, reverse=True)))
UNKNOWN_HALF = re.compile(r"\s*(?![A-Za-z\u00c0-\u024f])[^\W\d_]")
"""A word in a non-Latin script. Words in Latin letters are time zones (`CET`) or have nothing to do with the time."""
NARROW_SPACES = str.maketrans("\u202f\u00a0", "  ")
ZONE = r"Z|(?:UTC|GMT)?\s*[+\-\u2212\u2013]\s?\d{1,2}(?::?\d{2})?(?::\d{2})?|UTC|GMT"
DATE = r"(?P<year>\d{4})\s*[:\-/.年년]\s*(?P<month>\d{1,2})\s*[:\-/.月월]\s*(?P<day>\d{1,2})(?!\d)[日일]?"
TIME = (
    rf"(?P<before>{HALF})?\s*(?P<hour>\d{{1,2}})\s*(?P<mark>[:.\-h时時시])\s*(?P<minute>\d{{1,2}})"
    rf"(?:\s*(?:(?P=mark)|[m分분])\s*(?P<second>\d{{1,2}}))?(?:[s秒초]|[m分분](?!\w))?(?:(?:[.,]|:(?=\d{{3}}(?!\d)))(?P<fraction>\d+))?"
    rf"\s*(?:(?P<after>{HALF})(?!\w))?\s*(?P<zone>{ZONE})?(?![\d:])"
)
SEPARATED = re.compile(rf"{DATE}(?:(?:\s*[T,:_]\s*|\s+|-(?=\d\d-\d\d-\d\d)){TIME})?", re.IGNORECASE)
COMPACT = re.compile(
    r"(?P<year>\d{4})[:\-/.]?(?P<month>\d\d)[:\-/.]?(?P<day>\d\d)"
    rf"(?:[ T_]?(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d))?(?P<zone>{ZONE})?)?"
)
OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+\-\u2212\u2013])\s?(\d{1,2})(?::?(\d{2})|:(\d))?(?::\d{2})?", re.IGNORECASE)

MAX_TEXT = 100
"""Characters that are parsed. Matching a field full of spaces would take minutes."""
FIRST_PHOTOGRAPH = 1826
CLOCK_EPOCHS = (datetime(1970, 1, 1), datetime(1904, 1, 1))
"""The epochs of clocks: programs write these for an unknown time, some of them in local time."""
QUARTER = timedelta(minutes=15)
"""All UTC offsets are multiples of it."""
MAX_UTC_OFFSET = timedelta(hours=14)
"""How far a clock without a known offset may be ahead of UTC."""
CLOCK_ERROR = timedelta(hours=1)
"""How far a clock may be ahead because it is wrong or set to summer time."""


@dataclass(frozen=True, slots=True)
class CaptureDate:
    """A date taken. `moment` is naive if the offset is unknown. If only the day is known (not `is_exact`), it is midnight."""

    moment: datetime
    is_exact: bool = True


def from_text(
    value: str | None, subseconds: str | None = None, offsets: Iterable[str | None] = ()
) -> CaptureDate | None:
    """Parses `YYYY:MM:DD HH:MM:SS` (EXIF 3.0, 4.6.5.6), ISO 8601 (XMP) and their common variants; None if `value` is no date.

    `subseconds` and `offsets` come from other tags. An offset in `value` takes precedence, then the first valid one of `offsets`.
    """
    value = year_last_dates.year_first((value or "")[:MAX_TEXT].translate(NARROW_SPACES).strip("\0 \"'"))
    match = COMPACT.fullmatch(value) or SEPARATED.match(value)
    if not match:
        return None
    part = match.groupdict()
    day = _checked((part["year"], part["month"], part["day"]), is_exact=False)
    half = part.get("before") or part.get("after") or ""
    if part["hour"] is None or is_ambiguous_hour(int(part["hour"]), half, value[match.end() :]):
        return None if day and is_clock_epoch(day.moment) else day
    zones = filter(None, map(zone, (part["zone"], *offsets)))
    time = (hour_of_day(int(part["hour"]), half), part["minute"], part["second"] or 0)
    parts = (part["year"], part["month"], part["day"], *time)
    date = _checked(parts, _microsecond(subseconds or part.get("fraction")), next(zones, None)) or day
    return None if date and is_clock_epoch(date.moment) else date


def from_iso(value: str | None) -> CaptureDate | None:
    """Parses a file's modification date, as `Origin` has it. None up to 1980: the epochs of Unix (1970) and FAT mean unknown."""
    try:
        moment = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return CaptureDate(moment) if moment and moment.year > 1980 else None


def from_iptc(date: str | None, time: str | None) -> CaptureDate | None:
    """Parses IIM 4.2, 2:55 and 2:60: `CCYYMMDD` and `HHMMSS±HHMM`."""
    return from_text(f"{date} {time}") or from_text(date) if date and time else from_text(date)


def from_milliseconds(count: int) -> CaptureDate | None:
    """Converts milliseconds since 1970 (UTC), as from Java's `currentTimeMillis()`."""
    try:
        return CaptureDate(datetime.fromtimestamp(count // 1000, UTC) + timedelta(milliseconds=count % 1000))
    except (ValueError, OverflowError, OSError):
        return None


def is_future(moment: datetime, now: datetime) -> bool:
    """True if `moment` is later than `now` (aware) by more than an unknown offset and CLOCK_ERROR can explain."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) > now + MAX_UTC_OFFSET + CLOCK_ERROR
    return moment > now + CLOCK_ERROR


def is_clock_epoch(moment: datetime) -> bool:
    """True for the epoch of a clock, in UTC or in the local time of any place."""
    distances = (abs(moment.replace(tzinfo=None) - epoch) for epoch in CLOCK_EPOCHS)
    return any(distance <= MAX_UTC_OFFSET and not distance % QUARTER for distance in distances)


def is_ambiguous_hour(hour: int, half: str, suffix: str) -> bool:
    """True if the half of the day is unknown: `suffix` begins with a word that may be AM or PM in an unknown language."""
    return not half and 1 <= hour <= 12 and bool(UNKNOWN_HALF.match(suffix))


def hour_of_day(hour: int, half: str) -> int:
    """Returns the hour from 0 to 23; `half` is from MORNING or AFTERNOON, or "". Some phones write 24 for 0 of the same day."""
    if hour == 24:
        return 0
    if not half or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half.lower() in AFTERNOON else 0)


def to_iso(moment: datetime) -> str:
    """Returns ISO 8601, with fraction and offset if `moment` has them."""
    if moment.microsecond and moment.microsecond % 1000 == 0:
        return moment.isoformat(timespec="milliseconds")
    return moment.isoformat()


def _checked(
    parts: tuple[str | int, ...], microsecond: int = 0, zone: timezone | None = None, *, is_exact: bool = True
) -> CaptureDate | None:
    """None if `parts` is no valid date or is before the first photograph."""
    year, month, day, hour, minute, second = (*map(int, parts), *(0, 0, 0))[:6]
    try:
        # Some cameras write seconds of 60 and more.
        moment = datetime(year, month, day, hour, minute, min(second, 59), microsecond, tzinfo=zone)
    except ValueError:
        return None
    return CaptureDate(moment, is_exact) if year >= FIRST_PHOTOGRAPH else None


def _microsecond(fraction: str | None) -> int:
    digits = re.match(r"\d{0,9}", (fraction or "").strip())
    return int((digits[0] if digits else "").ljust(6, "0")[:6])


def zone(offset: str | None) -> timezone | None:
    """Parses `+05:30`, `+0530`, `-5:00`, `+05`, `Z`, `UTC+2`; None for anything else."""
    offset = (offset or "")[:MAX_TEXT].split("\0")[0].strip()
    if offset.upper() in ("Z", "UTC", "GMT"):
        return UTC
    match = OFFSET.fullmatch(offset)
    minutes = int(match[3] or match[4] or 0) if match else 60
    if not match or minutes > 59:
        return None
    distance = timedelta(hours=int(match[2]), minutes=minutes)
    return timezone(distance if match[1] == "+" else -distance) if distance <= MAX_UTC_OFFSET else None
