"""Template tags for the tiles of an album's grid."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from albums.grid import placeholders
from albums.models import Photo, Rendition

register = template.Library()

MAX_TILE_EDGE = 1000
"""Renditions with a longer edge are too large for a tile, even a large one on a screen of high density."""
MIN_RATIO, MAX_RATIO = 0.3, 9.99
SIZES = {
    "small": "(min-width:48rem) 11rem,30vw",
    "medium": "(min-width:48rem) 18rem,45vw",
    "large": "(min-width:48rem) 27rem,95vw",
}


@register.filter
def shape(photo: Photo) -> str:
    """Returns the aspect ratio as classes of grid.css, one per digit: `h1 t5` for 1.50. Style attributes are not allowed."""
    ratio = min(max(photo.width / photo.height, MIN_RATIO), MAX_RATIO)
    digits = f"{round(ratio * 100):03}"
    return " ".join(f"{place}{digit}" for place, digit in zip("htu", digits, strict=True) if digit != "0")


@register.filter
def place(photo: Photo) -> int:
    """Returns the number by which the tiles of the list are sorted: the position, except in search results."""
    number: int = getattr(photo, "place", photo.position)
    return number


@register.filter
def short_placeholder(photo: Photo) -> str:
    return placeholders.shorten(photo.placeholder)


@register.simple_tag(takes_context=True)
def tile_sizes(context: template.Context) -> str:
    """Returns `sizes` for the user's density. Browsers that support `auto` use the tile's real width instead."""
    preference = context.get("grid")
    return f"auto,{SIZES[preference.density if preference else 'medium']}"


@register.filter
def tile_image(photo: Photo) -> SafeString:
    """Returns the attributes `src` and `srcset` of a tile's picture; empty if the photo has no renditions."""
    renditions = _fitting(photo, Rendition.Format.WEBP)
    if not renditions:
        return SafeString()
    return format_html('src="{}" srcset="{}"', renditions[0].get_absolute_url(), _srcset(renditions))


@register.filter
def tile_avif(photo: Photo) -> str:
    """Returns the `srcset` of the AVIFs for a tile; empty if there are none."""
    return _srcset(_fitting(photo, Rendition.Format.AVIF))


def _fitting(photo: Photo, format: str) -> list[Rendition]:
    """Returns the renditions that suit a tile, the smallest first, or the smallest of all. Uses prefetched renditions."""
    renditions = sorted((row for row in photo.renditions.all() if row.format == format), key=lambda row: row.edge)
    return [row for row in renditions if row.edge <= MAX_TILE_EDGE] or renditions[:1]


def _srcset(renditions: list[Rendition]) -> str:
    return ",".join(f"{rendition.get_absolute_url()} {rendition.width}w" for rendition in renditions)
