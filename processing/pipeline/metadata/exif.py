"""Reads EXIF 3.0."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from PIL.ExifTags import GPS, Base

from processing.pipeline.metadata import coordinates, dates, lenses, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.metadata.dates import CaptureDate
from processing.pipeline.picture import Exposure, Gps

RATING, RATING_PERCENT, TIME_ZONE_OFFSET = 0x4746, 0x4749, 0x882A
OFFSETS = (Base.OffsetTimeOriginal, Base.OffsetTimeDigitized, Base.OffsetTime)
SIGN_BIT = 1 << 31
JIS, WIDE, PLAIN = b"JIS\0\0\0\0\0", b"UNICODE\0", (b"ASCII\0\0\0", b"\0" * 8)


class Exif:
    def __init__(self, blocks: Blocks) -> None:
        self._main, self._gps = blocks.main, blocks.gps
        # Some programs, and all TIFF/EP files, have the tags of the camera directory in the main one.
        self._camera: Mapping[int, Any] = ChainMap(dict(blocks.camera), blocks.main)  # type: ignore[arg-type]

    @property
    def camera(self) -> str | None:
        return text.camera(_text(self._main, Base.Make), _text(self._main, Base.Model))

    @property
    def make(self) -> str | None:
        return text.line(_text(self._main, Base.Make))

    @property
    def model(self) -> str | None:
        return text.line(_text(self._main, Base.Model))

    @property
    def lens(self) -> str | None:
        """The lens's name, else its focal lengths and apertures. Maker notes are not read (docs/decisions/0012)."""
        numbers = [_finite(number) for number in _as_tuple(_value(self._camera, Base.LensSpecification))]
        return lenses.clean_name(_text(self._camera, Base.LensModel)) or lenses.name_from_numbers(numbers)

    @property
    def exposure(self) -> Exposure:
        iso = _number(self._camera, Base.ISOSpeedRatings)
        return Exposure(
            aperture=_positive(_number(self._camera, Base.FNumber)),
            shutter_seconds=_positive(_number(self._camera, Base.ExposureTime)),
            iso=round(iso) if iso and 0 < iso < 65535 else None,
            focal_length_mm=_positive(_number(self._camera, Base.FocalLength)),
        )

    @property
    def gps(self) -> Gps | None:
        return coordinates.position(*self._coordinates, self._altitude)

    @property
    def has_hemispheres(self) -> bool:
        """True if the position has named hemispheres or a minus sign."""
        return coordinates.has_hemispheres(*self._coordinates)

    @property
    def original(self) -> CaptureDate | None:
        return self._moment(Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal)

    @property
    def digitized(self) -> CaptureDate | None:
        return self._moment(Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized)

    @property
    def changed(self) -> CaptureDate | None:
        return self._moment(Base.DateTime, Base.SubsecTime, Base.OffsetTime)

    @property
    def offsets(self) -> tuple[str | None, str | None]:
        """The offsets of the dates of taking and of change in whole hours (TIFF/EP, TimeZoneOffset). One value is for both."""
        values = _as_tuple(_value(self._camera, TIME_ZONE_OFFSET)) or (None,)
        return _hours(values[0]), _hours(values[-1])

    @property
    def title(self) -> str | None:
        return _wide(self._main, Base.XPTitle)

    @property
    def captions(self) -> tuple[str | None, ...]:
        description = _text(self._main, Base.ImageDescription)
        return description, _wide(self._main, Base.XPComment), self._comment

    @property
    def keywords(self) -> list[str]:
        return (_wide(self._main, Base.XPKeywords) or "").split(";")

    @property
    def creator(self) -> str | None:
        return _text(self._main, Base.Artist) or _wide(self._main, Base.XPAuthor)

    @property
    def copyright(self) -> str | None:
        return _text(self._main, Base.Copyright)

    @property
    def ratings(self) -> tuple[str | None, ...]:
        """Stars, then Windows's percentage, unparsed."""
        stars, percent = _value(self._main, RATING), _value(self._main, RATING_PERCENT)
        return _as_number(stars), f"{percent}%" if _as_number(percent) else None

    @cached_property
    def _comment(self) -> str | None:
        raw = _value(self._camera, Base.UserComment)
        if not isinstance(raw, bytes):
            return raw if isinstance(raw, str) else None
        charset, content = raw[:8], raw[8:]
        if charset == WIDE:
            return text.decode_utf16(content)
        if charset == JIS:
            return content.decode("iso2022_jp", "ignore")
        if charset in PLAIN:
            return text.decode(content)
        return text.decode(raw) if text.ASCII.fullmatch(raw.rstrip(b"\0")) else None  # without a charset

    @cached_property
    def _coordinates(self) -> tuple[coordinates.Coordinate | None, coordinates.Coordinate | None]:
        return (
            self._coordinate(coordinates.LATITUDE, GPS.GPSLatitude, GPS.GPSLatitudeRef),
            self._coordinate(coordinates.LONGITUDE, GPS.GPSLongitude, GPS.GPSLongitudeRef),
        )

    def _coordinate(self, axis: coordinates.Axis, tag: int, reference: int) -> coordinates.Coordinate | None:
        value = _value(self._gps, tag)
        hemisphere = (_text(self._gps, reference) or "") if reference in self._gps else None
        if isinstance(value, str | bytes):  # text, which EXIF does not allow
            return coordinates.from_text(axis, text.decode(value), hemisphere)
        parts = [_signed(part, coordinates.LONGITUDE.limit) for part in _as_tuple(value)]
        return coordinates.from_numbers(axis, parts, hemisphere)

    @property
    def _altitude(self) -> float | None:
        metres = _signed(_value(self._gps, GPS.GPSAltitude), coordinates.MAX_ALTITUDE_METRES)
        if metres is None:
            return None
        # EXIF 3.0, 4.6.6: 1 and 3 are below sea level. Older cameras write a byte, a number or a text.
        is_below = _value(self._gps, GPS.GPSAltitudeRef) in (1, 3, b"\x01", b"\x03", "1")
        return coordinates.metres_above(metres, is_below=is_below)

    def _moment(self, date: int, fraction: int, offset: int) -> CaptureDate | None:
        """Returns a date, with any of the three offsets if it has none: all three are of the camera's one clock.

        Lightroom writes one offset for all dates, and some cameras write only the offset of another date.
        """
        offsets = (_text(self._camera, tag) for tag in (offset, *OFFSETS))
        return dates.from_text(_text(self._camera, date), _text(self._camera, fraction), offsets)


def _value(tags: Mapping[int, Any], tag: int) -> Any:
    try:
        return tags.get(tag)
    except Exception:  # noqa: BLE001 - Pillow parses values on access, and broken ones raise arbitrary exceptions.
        return None


def _text(tags: Mapping[int, Any], tag: int) -> str | None:
    value = _value(tags, tag)
    return text.decode(value[0] if isinstance(value, tuple) and value else value)


def _wide(tags: Mapping[int, Any], tag: int) -> str | None:
    """Decodes one of Windows's XP tags: UTF-16 in bytes."""
    value = _value(tags, tag)
    return (
        bytes(value).decode("utf-16-le", "ignore") if isinstance(value, bytes | tuple) and _are_bytes(value) else None
    )


def _are_bytes(values: bytes | tuple[Any, ...]) -> bool:
    return all(isinstance(value, int) and 0 <= value < 256 for value in values)


def _hours(value: Any) -> str | None:
    if not isinstance(value, int):
        return None
    return f"{value - (1 << 16) if value >= 1 << 15 else value:+}"  # some programs write it as unsigned


def _as_number(value: Any) -> str | None:
    return str(value) if isinstance(value, int) else None


def _number(tags: Mapping[int, Any], tag: int) -> float | None:
    value = _value(tags, tag)
    return _finite(value[0] if isinstance(value, tuple) and value else value)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    """Undoes Pillow's unpacking of tuples with one value."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _finite(value: Any) -> float | None:
    """Returns the value as a finite float, or None. Pillow returns nan for 0/0, which JSON cannot represent."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _signed(value: Any, limit: int) -> float | None:
    """Returns the value as a finite float, negative if a program wrote a signed fraction into a field of unsigned ones.

    Such a numerator is larger by 2^32. Only a value above `limit` is corrected: a true numerator may be as large as that.
    """
    number, numerator = _finite(value), getattr(value, "numerator", 0)
    if number is None or number <= limit or not SIGN_BIT <= numerator < 2 * SIGN_BIT:
        return number
    return float((numerator - 2 * SIGN_BIT) / value.denominator)


def _positive(number: float | None) -> float | None:
    return float(f"{number:.6g}") if number and number > 0 else None
