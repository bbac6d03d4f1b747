"""A photo as an <img>: the sizes to choose from, and what is known of it in words."""

from datetime import datetime, timedelta, timezone

from django import template
from django.utils.timezone import now

from albums.models import Photo, Rendition

register = template.Library()


@register.simple_tag
def srcset(photo: Photo, format: str = Rendition.Format.WEBP) -> str:
    """Every rendition of the format with its width, for the browser to choose from. Uses prefetched renditions."""
    return ", ".join(f"{r.get_absolute_url()} {r.width}w" for r in photo.renditions.all() if r.format == format)


@register.simple_tag
def rendition(photo: Photo, edge: int) -> Rendition | None:
    """The WebP whose long edge is nearest to `edge`."""
    found = (r for r in photo.renditions.all() if r.format == Rendition.Format.WEBP)
    return min(found, key=lambda r: abs(r.edge - edge), default=None)


@register.filter
def shutter(seconds: float | None) -> str:
    """1/250 s, 0.5 s, 30 s."""
    if not seconds or seconds <= 0:
        return ""
    return f"1/{round(1 / seconds)} s" if seconds < 0.4 else f"{seconds:g} s"


@register.filter
def duration(seconds: int | None) -> str:
    """About how long, as a person would say it: “12 seconds”, “3 minutes”, “2 hours”."""
    if seconds is None:
        return ""
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size * 1.5 or size == 1:
            count = max(1, round(seconds / size))
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return ""


@register.filter
def time_left(seconds: int) -> str:
    """How long something still takes, as roughly as it is known: “about a minute left”. As timeLeft in static/js/format.js."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 45:
        return "less than a minute left"
    return "about a minute left" if seconds < 90 else f"about {duration(seconds)} left"


@register.filter
def ago(moment: datetime | None) -> str:
    """“just now”, “12 seconds ago”, “3 minutes ago”."""
    if moment is None:
        return ""
    seconds = int((now() - moment).total_seconds())
    return f"{duration(seconds)} ago" if seconds >= 5 else "just now"


@register.filter
def camera_clock(photo: Photo) -> datetime | None:
    """What the camera's own clock showed, wherever its reader is; naive, so that no template converts it."""
    if photo.taken_at is None:
        return None
    zone = timezone(timedelta(minutes=photo.taken_offset_minutes or 0))
    return photo.taken_at.astimezone(zone).replace(tzinfo=None)


@register.filter
def camera_zone(photo: Photo) -> str:
    """“UTC+02:00”; empty when the camera did not tell."""
    minutes = photo.taken_offset_minutes
    if minutes is None:
        return ""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
