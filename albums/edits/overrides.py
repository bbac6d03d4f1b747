"""What an edit does to a photo's columns. A user's value is stored beside the file's, which never changes; null means not edited.

`Changes` are what a user entered, in JSON, by field:

    title, caption, alt_text, rating    {"set": value} or {"reset": true}
    keywords                            {"set": [...]}, {"add": [...], "remove": [...]} or {"reset": true}
    location                            {"set": [latitude, longitude]}, {"set": null} for no location, or {"reset": true}
    date                                {"set": [local time in ISO 8601, offset in minutes or null]}, {"shift": seconds} or
                                        {"reset": true}
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from albums.edits import fields
from albums.models import Photo

Change = dict[str, Any]
Changes = dict[str, Change]
Columns = dict[str, Any]

RESET: Change = {"reset": True}
COLUMNS = {
    "title": ("edited_title",),
    "caption": ("edited_caption",),
    "alt_text": ("alt_text",),
    "keywords": ("edited_keywords",),
    "rating": ("edited_rating",),
    "location": ("edited_latitude", "edited_longitude", "location_removed"),
    "date": ("edited_taken_at", "edited_taken_offset_minutes"),
}
"""The columns of each field that can be edited."""
NOT_EDITED: Columns = dict.fromkeys(column for columns in COLUMNS.values() for column in columns) | {
    "alt_text": "",
    "location_removed": False,
}
"""The values of the columns when the photo is shown as in its file, which has no alt text."""
LABELS = {
    "title": "title",
    "caption": "caption",
    "alt_text": "alt text",
    "keywords": "keywords",
    "rating": "rating",
    "location": "location",
    "date": "date",
}


def changed_columns(photo: Photo, changes: Changes) -> Columns:
    """Returns the columns whose values the changes alter, with the new values. A value as in the file counts as not edited."""
    columns: Columns = {}
    for field, change in changes.items():
        columns |= _reset(field) if change.get("reset") else _EDITS[field](photo, change)
    return {column: value for column, value in columns.items() if getattr(photo, column) != value}


def edited_fields(photo: Photo) -> set[str]:
    """Returns the fields that differ from the file."""
    return {
        field
        for field, columns in COLUMNS.items()
        if any(getattr(photo, column) != NOT_EDITED[column] for column in columns)
    }


def _reset(field: str) -> Columns:
    return {column: NOT_EDITED[column] for column in COLUMNS[field]}


def _text(name: str) -> Callable[[Photo, Change], Columns]:
    def edit(photo: Photo, change: Change) -> Columns:
        return {f"edited_{name}": None if change["set"] == getattr(photo, name) else change["set"]}

    return edit


def _alt_text(_: Photo, change: Change) -> Columns:
    return {"alt_text": change["set"]}


def _keywords(photo: Photo, change: Change) -> Columns:
    if "set" in change:
        keywords = change["set"]
    else:
        removed = {word.casefold() for word in change.get("remove", [])}
        remaining = (word for word in photo.shown_keywords if word.casefold() not in removed)
        keywords = fields.unique([*remaining, *change.get("add", [])])[: fields.MAX_KEYWORDS]
    return {"edited_keywords": None if keywords == photo.keywords else keywords}


def _rating(photo: Photo, change: Change) -> Columns:
    return {"edited_rating": None if change["set"] == (photo.rating or 0) else change["set"]}


def _location(photo: Photo, change: Change) -> Columns:
    file_location = None if photo.latitude is None or photo.longitude is None else [photo.latitude, photo.longitude]
    if change["set"] == file_location:
        return _reset("location")
    latitude, longitude = change["set"] or (None, None)
    return {"edited_latitude": latitude, "edited_longitude": longitude, "location_removed": change["set"] is None}


def _date(photo: Photo, change: Change) -> Columns:
    if "set" in change:
        local_time, offset = change["set"]
        taken_at: datetime = fields.to_instant(datetime.fromisoformat(local_time), offset)
    else:
        offset = photo.shown_taken_offset_minutes
        if photo.shown_taken_at is None:
            return {}
        try:
            taken_at = photo.shown_taken_at + timedelta(seconds=change["shift"])
        except OverflowError:
            return {}
        if not fields.FIRST_YEAR <= taken_at.year <= fields.LAST_YEAR:
            return {}
    if (taken_at, offset) == (photo.taken_at, photo.taken_offset_minutes):
        return _reset("date")
    return {"edited_taken_at": taken_at, "edited_taken_offset_minutes": offset}


_EDITS: dict[str, Callable[[Photo, Change], Columns]] = {
    "title": _text("title"),
    "caption": _text("caption"),
    "alt_text": _alt_text,
    "keywords": _keywords,
    "rating": _rating,
    "location": _location,
    "date": _date,
}
