"""Template tags and filters for photos: the sources of an <img>, and formatted metadata and durations."""

from datetime import datetime

from django import template
from django.utils.timezone import now

from albums.columns import camera_time, orientation
from albums.models import Photo, Rendition

register = template.Library()


@register.simple_tag
def srcset(photo: Photo, format: str = Rendition.Format.WEBP) -> str:
    """Returns the `srcset` of all renditions of the format. Uses prefetched renditions."""
    renditions = [rendition for rendition in photo.renditions.all() if rendition.format == format]
    return ", ".join(f"{rendition.get_absolute_url()} {rendition.width}w" for rendition in renditions)


@register.simple_tag
def rendition(photo: Photo, edge: int) -> Rendition | None:
    """Returns the WebP with the long edge nearest to `edge`. Uses prefetched renditions."""
    webps = (webp for webp in photo.renditions.all() if webp.format == Rendition.Format.WEBP)
    return min(webps, key=lambda webp: abs(webp.edge - edge), default=None)


@register.filter
def turned(photo: Photo) -> str:
    """Returns the classes of turned.css that turn the renditions as the photo was rotated since. Uses prefetched renditions."""
    rendition = next(iter(photo.renditions.all()), None)
    code = orientation.difference(rendition.orientation, photo.orientation) if rendition else orientation.UPRIGHT
    if code == orientation.UPRIGHT:
        return ""
    return f"turned turned--{code}{' turned--quarter' if orientation.swaps_sides(code) else ''}"


@register.filter
def camera_line(photo: Photo) -> str:
    """Formats camera and exposure: “HTC One M8 · 3.8 mm · f/2 · 1/100 s · ISO 125”. Unknown values are left out.

    No line break separates a number from its unit.
    """
    exposure = (
        f"{round(photo.focal_length_mm, 1):g} mm" if photo.focal_length_mm else "",
        f"f/{round(photo.aperture, 1):g}" if photo.aperture else "",
        shutter(photo.shutter_seconds),
        f"ISO {photo.iso}" if photo.iso else "",
    )
    return " · ".join(filter(None, (photo.camera, *(value.replace(" ", "\N{NO-BREAK SPACE}") for value in exposure))))


@register.filter
def megapixels(photo: Photo) -> str:
    """Formats the number of pixels: “24 MP”, “0.5 MP”."""
    millions = photo.width * photo.height / 1_000_000
    return f"{round(millions, 1 if millions < 10 else None):g} MP"


@register.filter
def shutter(seconds: float | None) -> str:
    """Formats a shutter speed: 1/250 s, 0.5 s, 30 s."""
    if not seconds or seconds <= 0:
        return ""
    return f"1/{round(1 / seconds)} s" if seconds < 0.4 else f"{seconds:g} s"


@register.filter
def duration(seconds: int | None) -> str:
    """Formats a duration approximately: “12 seconds”, “3 minutes”, “2 hours”."""
    if seconds is None:
        return ""
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size * 1.5 or size == 1:
            count = max(1, round(seconds / size))
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return ""


@register.filter
def time_left(seconds: int) -> str:
    """Formats an estimate of the remaining time: “about a minute left”. Same as timeLeft in static/js/format.js."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 45:
        return "less than a minute left"
    return "about a minute left" if seconds < 90 else f"about {duration(seconds)} left"


@register.filter
def ago(moment: datetime | None) -> str:
    """Formats the time since a moment: “just now”, “12 seconds ago”, “3 minutes ago”."""
    if moment is None:
        return ""
    seconds = int((now() - moment).total_seconds())
    return f"{duration(seconds)} ago" if seconds >= 5 else "just now"


register.filter(camera_time.camera_clock)
register.filter(camera_time.camera_zone)
