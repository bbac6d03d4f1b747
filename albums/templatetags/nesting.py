"""Template tags for albums inside albums."""

from django import template

from albums.album_list import spans
from albums.models import Album
from albums.nesting import queries
from albums.nesting.queries import Inside

register = template.Library()


@register.simple_tag
def albums_around(album: Album) -> list[Album]:
    """The albums that the album is inside of, the top-level album first."""
    return queries.ancestors([album])[album.pk]


@register.simple_tag
def albums_inside(album: Album) -> Inside:
    return queries.inside(album)


@register.simple_tag
def dates_of(album: Album) -> str:
    """The days of the album's first and last photo; empty without dated photos."""
    return spans([album]).get(album.pk, "")
