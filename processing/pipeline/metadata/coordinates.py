"""Latitude and longitude as cameras and programs write them.

A wrong place is worse than none: what does not say its hemisphere clearly, or can be read in two ways, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from processing.pipeline.picture import Gps

MOST_TEXT = 100
NUMBER = r"(\d{1,12}(?:\.\d{0,18})?(?:e-\d{1,2}|/\d{1,12})?)"  # 4.2e-05 is what programs write close to zero
MARK = r"(?:\s*(?:deg(?:rees)?\b|min\b|sec\b|''|[°º˚'\u2019\u2032\"\u201d\u2033,;:])\s*|\s+)"
TEXT = re.compile(
    rf"([A-Za-z]+)?\s*([+\-\u2212])?\s*{NUMBER}(?:{MARK}{NUMBER})?(?:{MARK}{NUMBER})?{MARK}?\s*([A-Za-z]+)?"
)
DECIMAL_COMMA = re.compile(r"[+\-\u2212]?\d+,\d+")
ALTITUDE = re.compile(r"([+\-\u2212]?)\s*(\d{1,12}(?:\.\d{0,18})?(?:/\d{1,12})?)\s*m?")
HIGHEST_METRES = 100_000


@dataclass(frozen=True, slots=True)
class Axis:
    """`most` is in degrees; the words are what its hemispheres are called."""

    most: int
    positive: frozenset[str]
    negative: frozenset[str]


LATITUDE = Axis(90, frozenset({"N", "NORTH", "NORTH LATITUDE"}), frozenset({"S", "SOUTH", "SOUTH LATITUDE"}))
LONGITUDE = Axis(180, frozenset({"E", "EAST", "EAST LONGITUDE"}), frozenset({"W", "WEST", "WEST LONGITUDE"}))


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Degrees north or east. `is_named`: its hemisphere stands beside it; else a minus sign is all that could tell it."""

    degrees: float
    is_named: bool

    @property
    def is_bare(self) -> bool:
        return not self.is_named and self.degrees >= 0


def place(latitude: Coordinate | None, longitude: Coordinate | None, altitude: float | None) -> Gps | None:
    """The place, in degrees; None without both coordinates, or where a hemisphere was lost.

    Who names the hemisphere of one coordinate names that of the other too. Where neither is named, signs count.
    """
    if latitude is None or longitude is None:
        return None
    both = (latitude, longitude)
    if any(one.is_named for one in both) and any(one.is_bare for one in both):
        return None
    # Cameras without a fix write zeros: nobody photographs at 0 N 0 E.
    if latitude.degrees == longitude.degrees == 0:
        return None
    return Gps(latitude.degrees, longitude.degrees, altitude)


def tell_hemispheres(*both: Coordinate | None) -> bool:
    """Whether both coordinates are there, and at least one has a hemisphere beside it or a minus sign."""
    return None not in both and any(one and not one.is_bare for one in both)


def from_numbers(axis: Axis, numbers: Sequence[float | None], reference: str | None) -> Coordinate | None:
    """Of EXIF's degrees, minutes and seconds; None among them is undefined (0/0). `reference` is None where there is none."""
    known = list(numbers)
    while known and known[-1] is None:
        known.pop()
    if not 1 <= len(numbers) <= 3 or not known or None in known:
        return None
    parts = [part for part in known if part is not None]
    if len(numbers) > 1 and len(parts) == 1 and _is_whole(parts[0]):
        return None  # its minutes are lost: that may be 100 km off
    signs = [part < 0 for part in parts if part]
    if any(signs) and not signs[0]:
        return None
    return _signed(axis, [abs(part) for part in parts], reference, is_negative=any(signs))


def from_text(axis: Axis, value: str | None, reference: str | None = None) -> Coordinate | None:
    """Of `51,33.7480N`, `51,33,44N` (XMP, part 2, GPSCoordinate), `-51.5625`, `51.5625` with a reference, `51° 33' 44" N`."""
    value = (value or "").strip()
    found = TEXT.fullmatch(value) if len(value) <= MOST_TEXT else None
    if not found or DECIMAL_COMMA.fullmatch(value):
        return None
    before, sign, *numbers, after = found.groups()
    parts = [_number(number) for number in numbers if number]
    named = [word for word in (before, after, reference) if word is not None]
    if None in parts or (len(parts) > 1 and not named):
        return None
    sides = {_is_negative(axis, word) for word in named}
    if len(sides) > 1 or None in sides:
        return None
    word = named[0] if named else None
    return _signed(axis, [part for part in parts if part is not None], word, is_negative=sign in ("-", "\u2212"))


def altitude(value: str | None, reference: str | None) -> float | None:
    """Metres above the sea. `reference` 1 is below it (XMP, exif:GPSAltitudeRef)."""
    found = ALTITUDE.fullmatch((value or "").strip())
    metres = _number(found[2]) if found else None
    if not found or metres is None:
        return None
    return metres_above(metres, is_below=found[1] in ("-", "\u2212") or (reference or "").strip() in ("1", "3"))


def metres_above(metres: float, *, is_below: bool) -> float | None:
    """The altitude, rounded to centimetres; a minus sign counts too. None of what is no altitude."""
    if abs(metres) >= HIGHEST_METRES:
        return None
    return round(-abs(metres) if is_below else metres, 2)


def _signed(axis: Axis, parts: list[float], reference: str | None, *, is_negative: bool) -> Coordinate | None:
    if any(part > 60 for part in parts[1:]) or _is_counted_twice(parts):
        return None
    degrees = sum(part / 60.0**power for power, part in enumerate(parts))
    if degrees > axis.most:
        return None
    if reference is not None:
        side = _is_negative(axis, reference)
        if side is None or (is_negative and not side):
            return None
        is_negative = side
    return Coordinate(round(-degrees if is_negative else degrees, 7), is_named=reference is not None)


def _is_counted_twice(parts: list[float]) -> bool:
    """Decimal degrees with minutes beside them: nobody knows whether these are more, or the same once again."""
    return any(not _is_whole(part) and any(parts[at + 1 :]) for at, part in enumerate(parts))


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def _is_negative(axis: Axis, reference: str) -> bool | None:
    """Whether it is the southern or western hemisphere; None when it cannot be told."""
    word = " ".join(reference.split("\0")[0].upper().split()).rstrip(".")
    if word in axis.negative:
        return True
    return False if word in axis.positive else None


def _number(text: str) -> float | None:
    over, _, under = text.partition("/")
    return float(over) / float(under or 1) if float(under or 1) else None
