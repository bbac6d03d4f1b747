"""Parses latitude, longitude and altitude as cameras and programs write them.

A wrong position is worse than none: a coordinate that is ambiguous or has no clear hemisphere is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from processing.pipeline.picture import Gps

MAX_TEXT = 100
NUMBER = r"(\d{1,12}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2}|/\d{1,12})?)"  # programs write numbers close to zero as 4.2e-05
MARK = r"(?:\s*(?:deg(?:rees)?\b|min\b|sec\b|''|[°º˚'\u2019\u2032\"\u201d\u2033,;:])\s*|\s+)"
TEXT = re.compile(
    rf"([A-Za-z]+)?\s*([+\-\u2212])?\s*{NUMBER}(?:{MARK}{NUMBER})?(?:{MARK}{NUMBER})?{MARK}?\s*([A-Za-z]+)?"
)
DECIMAL_COMMA = re.compile(r"[+\-\u2212]?\d+,\d+")
ALTITUDE = re.compile(r"([+\-\u2212]?)\s*(\d{1,12}(?:\.\d{0,18})?(?:/\d{1,12})?)\s*m?")
MAX_ALTITUDE_METRES = 100_000


@dataclass(frozen=True, slots=True)
class Axis:
    """`limit` is the largest value in degrees; `positive` and `negative` are the names of the hemispheres."""

    limit: int
    positive: frozenset[str]
    negative: frozenset[str]


LATITUDE = Axis(90, frozenset({"N", "NORTH", "NORTH LATITUDE"}), frozenset({"S", "SOUTH", "SOUTH LATITUDE"}))
LONGITUDE = Axis(180, frozenset({"E", "EAST", "EAST LONGITUDE"}), frozenset({"W", "WEST", "WEST LONGITUDE"}))


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Degrees north or east. `is_named`: the hemisphere is given by name. Otherwise only a minus sign can express it."""

    degrees: float
    is_named: bool

    @property
    def is_bare(self) -> bool:
        return not self.is_named and self.degrees >= 0


def position(latitude: Coordinate | None, longitude: Coordinate | None, altitude: float | None) -> Gps | None:
    """Returns the position in degrees; None without both coordinates, or if a hemisphere is missing.

    If one coordinate names its hemisphere, the other has to name it too or have a minus sign. If neither does, signs decide.
    """
    if latitude is None or longitude is None:
        return None
    position = (latitude, longitude)
    if any(coordinate.is_named for coordinate in position) and any(coordinate.is_bare for coordinate in position):
        return None
    # Cameras without a GPS fix write zeros; 0 N 0 E is open sea.
    if latitude.degrees == longitude.degrees == 0:
        return None
    return Gps(latitude.degrees, longitude.degrees, altitude)


def has_hemispheres(*both: Coordinate | None) -> bool:
    """True if both coordinates exist and at least one has a named hemisphere or a minus sign."""
    return None not in both and any(coordinate and not coordinate.is_bare for coordinate in both)


def from_numbers(axis: Axis, numbers: Sequence[float | None], reference: str | None) -> Coordinate | None:
    """Converts EXIF's degrees, minutes and seconds; None is an undefined one (0/0). `reference` is None without a tag."""
    defined = list(numbers)
    while defined and defined[-1] is None:
        defined.pop()
    if not 1 <= len(numbers) <= 3 or not defined or None in defined:
        return None
    parts = [part for part in defined if part is not None]
    if len(numbers) > 1 and len(parts) == 1 and _is_whole(parts[0]):
        return None  # the minutes are missing: the position may be wrong by 100 km
    signs = [part < 0 for part in parts if part]
    if any(signs) and not signs[0]:
        return None
    return _signed(axis, [abs(part) for part in parts], reference, is_negative=any(signs))


def from_text(axis: Axis, value: str | None, reference: str | None = None) -> Coordinate | None:
    """Parses `51,33.7480N`, `51,33,44N` (XMP, part 2, GPSCoordinate), `-51.5625`, `51.5625` with a reference, `51° 33' 44" N`."""
    value = (value or "").strip().strip("[]()")  # programs write a list of numbers as their language shows it
    match = TEXT.fullmatch(value) if len(value) <= MAX_TEXT else None
    if not match or DECIMAL_COMMA.fullmatch(value):
        return None
    prefix, sign, *numbers, suffix = match.groups()
    parts = [_number(number) for number in numbers if number]
    hemispheres = [name for name in (prefix, suffix, reference) if name is not None]
    if None in parts or (len(parts) > 1 and not hemispheres):
        return None
    signs = {_is_negative(axis, name) for name in hemispheres}
    if len(signs) > 1 or None in signs:
        return None
    hemisphere = hemispheres[0] if hemispheres else None
    return _signed(axis, [part for part in parts if part is not None], hemisphere, is_negative=sign in ("-", "\u2212"))


def altitude(value: str | None, reference: str | None) -> float | None:
    """Returns metres above sea level, or None. `reference` 1 means below sea level (XMP, exif:GPSAltitudeRef)."""
    match = ALTITUDE.fullmatch((value or "").strip())
    metres = _number(match[2]) if match else None
    if not match or metres is None:
        return None
    return metres_above(metres, is_below=match[1] in ("-", "\u2212") or (reference or "").strip() in ("1", "3"))


def metres_above(metres: float, *, is_below: bool) -> float | None:
    """Returns the altitude rounded to centimetres, negative if `metres` is or `is_below`; None if it is implausible."""
    if abs(metres) >= MAX_ALTITUDE_METRES:
        return None
    return round(-abs(metres) if is_below else metres, 2)


def _signed(axis: Axis, parts: list[float], reference: str | None, *, is_negative: bool) -> Coordinate | None:
    if any(part > 60 for part in parts[1:]) or _has_ambiguous_minutes(parts):
        return None
    degrees = sum(part / 60.0**power for power, part in enumerate(parts))
    if degrees > axis.limit:
        return None
    if reference is not None:
        is_negative_side = _is_negative(axis, reference)
        if is_negative_side is None or (is_negative and not is_negative_side):
            return None
        is_negative = is_negative_side
    return Coordinate(round(-degrees if is_negative else degrees, 7), is_named=reference is not None)


def _has_ambiguous_minutes(parts: list[float]) -> bool:
    """True for decimal degrees with minutes: the minutes may be an addition or repeat the fraction."""
    return any(not _is_whole(part) and any(parts[index + 1 :]) for index, part in enumerate(parts))


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def _is_negative(axis: Axis, reference: str) -> bool | None:
    """True for the southern or western hemisphere, False for the northern or eastern, None if `reference` is neither."""
    hemisphere = " ".join(reference.split("\0")[0].upper().split()).rstrip(".")
    if hemisphere in axis.negative:
        return True
    return False if hemisphere in axis.positive else None


def _number(text: str) -> float | None:
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1) if float(denominator or 1) else None
