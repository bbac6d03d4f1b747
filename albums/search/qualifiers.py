"""The values of qualifiers, such as `taken:2024-05` and `rating:>=4`."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar

T = TypeVar("T")

TEXTS = ("camera", "lens", "keyword", "album")
"""Qualifiers whose value is words in one field."""
TYPES = ("raw", "jpeg", "heic", "png", "webp", "avif", "jxl", "tiff", "gif", "bmp", "live")
STATES = ("edited", "archived")
PARTS = ("title", "caption", "keywords", "date", "rating", "location")
EXAMPLES = "camera:, lens:, keyword:, album:, taken:, rating:, type:, is: or has:"
ALIASES = {"jpg": "jpeg", "heif": "heic", "tif": "tiff", "keyword": "keywords", "gps": "location"}

RANGE = re.compile(r"(?P<first>[^.<>=]*)\.\.(?P<last>[^.<>=]*)|(?P<sign><=?|>=?|=)?(?P<value>[^.<>=]+)")
DATE = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?", re.ASCII)
STARS = re.compile(r"-?[0-9]", re.ASCII)


class NotAValue(Exception):
    """The qualifier cannot have this value. The message is a hint for the user."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Photos taken from `first` until before `end` by the camera's clock. None: unlimited."""

    first: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Rating:
    """Photos with this many stars, both ends included; 0 is unrated, -1 rejected. None: unlimited."""

    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Type:
    """Photos of a format in TYPES; `raw` includes RAWs shown with a JPEG, `live` is Live Photos."""

    name: str


@dataclass(frozen=True, slots=True)
class State:
    """Photos in a state of STATES."""

    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """Photos that have a part of PARTS."""

    name: str


Filter = Taken | Rating | Type | State | Part


def _taken(value: str) -> Taken:
    hint = f"“{value}” is not a date. Try taken:2024, taken:2024-05 or taken:2024-05..2025-03."
    first, last = _range(value, lambda text: _dates(text, hint), hint)
    if first and last and first[0] > last[0]:
        first, last = last, first
    return Taken(first[0] if first else None, last[1] if last else None)


def _rating(value: str) -> Rating:
    hint = f"“{value}” is not a rating. Try rating:5, rating:>=4 or rating:0."

    def stars(text: str) -> tuple[int, int]:
        if not STARS.fullmatch(text):
            raise NotAValue(hint)
        return int(text), int(text) + 1

    first, last = _range(value, stars, hint)
    least, most = (first[0] if first else None), (last[1] - 1 if last else None)
    if least is not None and most is not None and least > most:
        least, most = most, least
    return Rating(least, most)


def _range(value: str, parse: Callable[[str], tuple[T, T]], hint: str) -> tuple[tuple[T, T] | None, tuple[T, T] | None]:
    """Returns the first and the last unit of `a..b`, `>a`, `<=b` or `a`, each as its beginning and its end. None: unlimited."""
    match = RANGE.fullmatch(value)
    if match is None or value == "..":
        raise NotAValue(hint)
    if match["value"] is None:
        return (parse(match["first"]) if match["first"] else None), (parse(match["last"]) if match["last"] else None)
    begin, end = parse(match["value"])
    match match["sign"]:
        case ">":
            return (end, end), None
        case ">=":
            return (begin, end), None
        case "<":
            return None, (begin, begin)
        case "<=":
            return None, (begin, end)
    return (begin, end), (begin, end)


def _dates(text: str, hint: str) -> tuple[datetime, datetime]:
    """Returns the beginning and the end of a year, month or day. The last day that exists is 9999-12-30."""
    match = DATE.fullmatch(text)
    try:
        if match is None:
            raise NotAValue(hint)
        year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
        first = date(year, month, day)
        last_month = month if match["month"] else 12
        last = first if match["day"] else date(year, last_month, calendar.monthrange(year, last_month)[1])
        return datetime.combine(first, time()), datetime.combine(last + timedelta(days=1), time())
    except (ValueError, OverflowError) as error:
        raise NotAValue(hint) from error


def _choice(kind: Callable[[str], Filter], qualifier: str, names: tuple[str, ...]) -> Callable[[str], Filter]:
    def parse(value: str) -> Filter:
        name = ALIASES.get(value, value)
        if name not in names:
            spellings = ", ".join(f"{qualifier}:{possible}" for possible in names)
            raise NotAValue(f"“{qualifier}:{value}” is unknown. Try {spellings}.")
        return kind(name)

    return parse


FILTERS: dict[str, Callable[[str], Filter]] = {
    "taken": _taken,
    "rating": _rating,
    "type": _choice(Type, "type", TYPES),
    "is": _choice(State, "is", STATES),
    "has": _choice(Part, "has", PARTS),
}
"""Qualifiers whose value is compared with columns, with the functions that parse it. They raise NotAValue."""
