"""A photo as an <img>: the sizes to choose from, and what is known of it in words."""

from django import template

from albums.models import Photo, Rendition

register = template.Library()


@register.simple_tag
def srcset(photo: Photo) -> str:
    """Every rendition with its width, for the browser to choose from. Uses prefetched renditions."""
    return ", ".join(f"{r.get_absolute_url()} {r.width}w" for r in photo.renditions.all())


@register.simple_tag
def rendition(photo: Photo, edge: int) -> Rendition | None:
    """The rendition whose long edge is nearest to `edge`."""
    return min(photo.renditions.all(), key=lambda r: abs(r.edge - edge), default=None)


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
