"""Points in time as cameras and editors write them: local, mostly without a zone, often nonsense."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

EXIF = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?(?:\.(\d+))?")
XMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?\s*(Z|[+-]\d\d:?\d\d)?")
IPTC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?()(Z|[+-]\d{4})?")
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def from_exif(value: str | None, subseconds: str | None = None, offset: str | None = None) -> datetime | None:
    """EXIF 3.0, 4.6.5.6: `YYYY:MM:DD HH:MM:SS`; the fraction and the offset have tags of their own."""
    found = EXIF.match((value or "").strip("\0 "))
    return _moment(*found.groups(), subseconds=subseconds, offset=offset) if found else None


def from_xmp(value: str | None) -> datetime | None:
    found = XMP.fullmatch((value or "").strip())
    return _moment(*found.groups()[:7], offset=found[8]) if found else None


def from_iso(value: str | None) -> datetime | None:
    """A file's own date, as our side writes it; a disk without a clock begins with 1970, or FAT's 1980."""
    try:
        moment = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return moment if moment and moment.year > 1980 else None


def from_iptc(date: str | None, time: str | None) -> datetime | None:
    """IIM 4.2, 2:55 and 2:60: `CCYYMMDD` and `HHMMSS±HHMM`."""
    found = IPTC.fullmatch((date or "") + (time or "")) or IPTC.fullmatch(date or "")
    return _moment(*found.groups()[:7], offset=found[8]) if found else None


def written(moment: datetime) -> str:
    """ISO 8601, with a fraction where there is one and an offset where one is known."""
    if moment.microsecond and moment.microsecond % 1000 == 0:
        return moment.isoformat(timespec="milliseconds")
    return moment.isoformat()


def _moment(*parts: str | None, subseconds: str | None = None, offset: str | None = None) -> datetime | None:
    *numbers, fraction = parts
    digits = re.match(r"\d*", (subseconds or fraction or "").strip())
    microsecond = int((digits[0] if digits else "").ljust(6, "0")[:6])
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        # Some write second 60 and beyond; 1826 is the year of the first photograph.
        moment = datetime(year, month, day, hour, minute, min(second, 59), microsecond, tzinfo=_zone(offset))
    except ValueError:
        return None
    return moment if year >= 1826 else None


def _zone(offset: str | None) -> timezone | None:
    if offset == "Z":
        return UTC
    found = OFFSET.fullmatch((offset or "").strip("\0 "))
    if not found:
        return None
    distance = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(distance if found[1] == "+" else -distance) if distance <= timedelta(hours=14) else None
