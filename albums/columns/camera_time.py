"""The local time of the camera that took a photo, and its time zone."""

from datetime import datetime, timedelta, timezone
from typing import Protocol


class HasCaptureTime(Protocol):
    @property
    def shown_taken_at(self) -> datetime | None: ...
    @property
    def shown_taken_offset_minutes(self) -> int | None: ...


def camera_clock(photo: HasCaptureTime) -> datetime | None:
    """Returns the camera's local time. Naive, so that templates do not convert it to the user's time zone."""
    if photo.shown_taken_at is None:
        return None
    zone = timezone(timedelta(minutes=photo.shown_taken_offset_minutes or 0))
    return photo.shown_taken_at.astimezone(zone).replace(tzinfo=None)


def camera_zone(photo: HasCaptureTime) -> str:
    """Formats the camera's time zone: “UTC+02:00”; empty if unknown."""
    minutes = photo.shown_taken_offset_minutes
    if minutes is None:
        return ""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
