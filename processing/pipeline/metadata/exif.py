"""EXIF 3.0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from PIL.ExifTags import GPS, Base

from processing.pipeline.metadata import moments, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Exposure, Gps

RATING = 0x4746
JIS, WIDE, PLAIN = b"JIS\0\0\0\0\0", b"UNICODE\0", (b"ASCII\0\0\0", b"\0" * 8)


class Exif:
    def __init__(self, blocks: Blocks) -> None:
        self._main, self._camera, self._gps = blocks.main, blocks.camera, blocks.gps

    @property
    def camera(self) -> str | None:
        return text.camera(_text(self._main, Base.Make), _text(self._main, Base.Model))

    @property
    def lens(self) -> str | None:
        return text.line(_text(self._camera, Base.LensModel))

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
        latitude = _degrees(self._gps, GPS.GPSLatitude, GPS.GPSLatitudeRef, "S", 90)
        longitude = _degrees(self._gps, GPS.GPSLongitude, GPS.GPSLongitudeRef, "W", 180)
        # Cameras without a fix write zeros: nobody photographs at 0 N 0 E.
        if latitude is None or longitude is None or latitude == longitude == 0:
            return None
        return Gps(latitude, longitude, self._altitude)

    @property
    def original(self) -> datetime | None:
        return self._moment(self._camera, Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal)

    @property
    def digitized(self) -> datetime | None:
        return self._moment(self._camera, Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized)

    @property
    def changed(self) -> datetime | None:
        return self._moment(self._main, Base.DateTime, Base.SubsecTime, Base.OffsetTime)

    @property
    def title(self) -> str | None:
        return _wide(self._main, Base.XPTitle)

    @property
    def captions(self) -> tuple[str | None, ...]:
        described = _text(self._main, Base.ImageDescription)
        return described, _wide(self._main, Base.XPComment), self._comment

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
    def rating(self) -> str | None:
        rating = _value(self._main, RATING)
        return str(rating) if isinstance(rating, int) else None

    @cached_property
    def _comment(self) -> str | None:
        raw = _value(self._camera, Base.UserComment)
        if not isinstance(raw, bytes):
            return raw if isinstance(raw, str) else None
        charset, content = raw[:8], raw[8:]
        if charset == WIDE:
            return text.wide(content)
        if charset == JIS:
            return content.decode("iso2022_jp", "ignore")
        return text.decode(content) if charset in PLAIN else None

    @property
    def _altitude(self) -> float | None:
        metres = _number(self._gps, GPS.GPSAltitude)
        if metres is None or not 0 <= metres < 100_000:
            return None
        below = _value(self._gps, GPS.GPSAltitudeRef) in (1, b"\x01", b"\x03")
        return round(-metres if below else metres, 2)

    def _moment(self, tags: Mapping[int, Any], date: int, fraction: int, offset: int) -> datetime | None:
        shown, subseconds = _text(tags, date), _text(self._camera, fraction)
        return moments.from_exif(shown, subseconds, _text(self._camera, offset))


def _value(tags: Mapping[int, Any], tag: int) -> Any:
    try:
        return tags.get(tag)
    except Exception:  # noqa: BLE001 - values are parsed when they are asked for, and broken ones raise anything.
        return None


def _text(tags: Mapping[int, Any], tag: int) -> str | None:
    value = _value(tags, tag)
    return text.decode(value[0] if isinstance(value, tuple) and value else value)


def _wide(tags: Mapping[int, Any], tag: int) -> str | None:
    """Windows' own tags are UTF-16 in bytes."""
    value = _value(tags, tag)
    return (
        bytes(value).decode("utf-16-le", "ignore") if isinstance(value, bytes | tuple) and _are_bytes(value) else None
    )


def _are_bytes(values: bytes | tuple[Any, ...]) -> bool:
    return all(isinstance(value, int) and 0 <= value < 256 for value in values)


def _number(tags: Mapping[int, Any], tag: int) -> float | None:
    value = _value(tags, tag)
    return _finite(value[0] if isinstance(value, tuple) and value else value)


def _finite(value: Any) -> float | None:
    """0/0 comes out of Pillow as nan, which no JSON can say."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _positive(number: float | None) -> float | None:
    return float(f"{number:.6g}") if number and number > 0 else None


def _degrees(tags: Mapping[int, Any], tag: int, reference: int, negative: str, most: int) -> float | None:
    value = _value(tags, tag)
    parts = [_finite(part) for part in value] if isinstance(value, tuple) and len(value) <= 3 else []
    known = [part for part in parts if part is not None]
    degrees = sum(part / 60.0**power for power, part in enumerate(known))
    if not known or len(known) < len(parts) or not 0 <= degrees <= most:
        return None
    towards = (_text(tags, reference) or "").strip("\0 ").upper()
    return round(-degrees if towards == negative else degrees, 7)
