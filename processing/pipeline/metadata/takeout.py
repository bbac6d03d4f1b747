"""What Google Takeout says of a photo, in the JSON file beside it: time, place, description, and whether it is a favourite."""

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
"""Stars: Google knows favourites, and no other rating."""
FIRST = datetime(1826, 1, 1, tzinfo=UTC)
"""The year of the first photograph."""


def is_json(content: bytes) -> bool:
    return JSON.match(content) is not None


def read(content: bytes) -> tuple[Metadata, str]:
    """What it says, and the photo's name as Google knows it. Nothing of what cannot be read; safe with any bytes."""
    told = _parsed(content)
    taken = _time(told.get("photoTakenTime"))
    return Metadata(
        taken_at=dates.written(taken) if taken else None,
        taken_from="json" if taken else None,
        gps=_place(told.get("geoData")) or _place(told.get("geoDataExif")),
        caption=text.clean(_words(told.get("description"))),
        rating=FAVOURITE if told.get("favorited") is True else None,
    ), text.line(html.unescape(_words(told.get("title")))) or ""


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _time(told: Any) -> datetime | None:
    """From seconds since 1970, in text. None of what no photo can have been taken at, and of 0, which stands for unknown."""
    try:
        seconds = int(told["timestamp"])
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return moment if seconds and FIRST <= moment <= datetime.now(UTC) + timedelta(days=1) else None


def _place(told: Any) -> Gps | None:
    """Degrees and metres; zeros where nothing is known."""
    if not isinstance(told, dict):
        return None
    latitude, longitude, altitude = (_number(told.get(name)) for name in ("latitude", "longitude", "altitude"))
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Gps(round(latitude, 7), round(longitude, 7), altitude or None)


def _number(told: Any) -> float | None:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return float(told) if math.isfinite(told) else None


def _words(told: Any) -> str:
    return told if isinstance(told, str) else ""
