"""Reads the JSON file that Google Takeout adds to a photo: time, position, description, and whether it is a favourite."""

from __future__ import annotations

import html
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from processing.pipeline.metadata import dates, text
from processing.pipeline.picture import Gps, Metadata

JSON = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
FAVOURITE = 5
"""Stars for a favourite: Google has no other rating."""
EARLIEST = datetime(1826, 1, 1, tzinfo=UTC)
"""The first photograph was taken in 1826."""


def is_json(content: bytes) -> bool:
    return JSON.match(content) is not None


def read(content: bytes) -> tuple[Metadata, str]:
    """Returns the metadata and the photo's name at Google, or "". Unreadable values are left out. Safe with any bytes."""
    values = _parsed(content)
    taken = _time(values.get("photoTakenTime"))
    return Metadata(
        taken_at=dates.to_iso(taken) if taken else None,
        taken_from="json" if taken else None,
        gps=_position(values.get("geoData")) or _position(values.get("geoDataExif")),
        caption=text.clean(_string(values.get("description"))),
        rating=FAVOURITE if values.get("favorited") is True else None,
    ), text.line(html.unescape(_string(values.get("title")))) or ""


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _time(value: Any) -> datetime | None:
    """Converts `{"timestamp": seconds since 1970}`. None for 0, which means unknown, and for times when no photo can be taken."""
    try:
        seconds = int(value["timestamp"])
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return moment if seconds and EARLIEST <= moment <= datetime.now(UTC) + timedelta(days=1) else None


def _position(value: Any) -> Gps | None:
    """Converts degrees and metres; Google writes zeros for an unknown position."""
    if not isinstance(value, dict):
        return None
    latitude, longitude, altitude = (_number(value.get(name)) for name in ("latitude", "longitude", "altitude"))
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Gps(round(latitude, 7), round(longitude, 7), altitude or None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
