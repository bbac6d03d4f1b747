"""Rows as tests compare them."""

from typing import Any

from albums.models import Album, Photo


def dump() -> list[list[Any]]:
    """All columns of all albums and photos."""
    return [[*Album.objects.order_by("pk").values()], [*Photo.objects.order_by("pk").values()]]


def order(album: Album) -> list[int]:
    """The ids of the photos that pages show, in the album's order."""
    return list(album.photos.shown().values_list("pk", flat=True))


def names(album: Album) -> list[str]:
    return list(album.photos.shown().values_list("name", flat=True))
