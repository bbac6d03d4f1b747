"""Queries for the library's pages: albums with covers and counts, in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from albums.grid.windows import PhotoList
from albums.models import Album, Photo

STRIP_PHOTOS = 10
"""Photos on each side of the current one in the film strip."""


@dataclass(frozen=True, slots=True)
class Card:
    """An album in the list of albums."""

    album: Album
    photo_count: int
    cover: Photo | None
    album_count: int = 0
    """Albums directly inside the album."""


def cards(albums: QuerySet[Album]) -> list[Card]:
    """Returns a card for each album, the newest album first, in a constant number of queries."""
    # explicit: a query with GROUP BY drops the model's default ordering
    rows = list(_with_covers(albums).order_by("-created_at", "-pk"))
    covers = Photo.objects.filter(pk__in=[row.cover_photo_id for row in rows]).prefetch_related("renditions").in_bulk()
    return [Card(row, row.photo_count, covers.get(row.cover_photo_id), row.album_count) for row in rows]


def cards_in_order(albums: Iterable[Album]) -> list[Card]:
    """Returns the cards of the albums, in the same order."""
    ids = [album.pk for album in albums]
    cards_by_id = {card.album.pk: card for card in cards(Album.objects.filter(pk__in=ids))}
    return [cards_by_id[pk] for pk in ids if pk in cards_by_id]


def cover(album: Album) -> Photo | None:
    """Returns the album's cover: the chosen one if it is shown, or else the first."""
    photo_ids = _with_covers(Album.objects.filter(pk=album.pk)).values("cover_photo_id")
    return Photo.objects.filter(pk__in=photo_ids).first()


def _with_covers(albums: QuerySet[Album]) -> QuerySet[Any]:
    """Adds `photo_count`, `album_count` and `cover_photo_id`: of the chosen photo, the first, or the first of an album inside."""
    shown = Photo.objects.shown()
    chosen = shown.filter(album=OuterRef("pk"), pk=OuterRef("cover")).values("pk")[:1]
    first = shown.filter(album=OuterRef("pk")).order_by("position", "pk").values("pk")[:1]
    is_with_it = Q(trashed_at=None) | Q(trashed_at=OuterRef("trashed_at"))
    inside = Album.objects.filter(is_with_it, parent=OuterRef("pk")).order_by()
    first_inside = shown.filter(album=OuterRef("pk")).order_by("position", "pk").values("pk")[:1]
    of_inside = inside.annotate(first=Subquery(first_inside)).exclude(first=None).order_by("pk").values("first")[:1]
    album_count = inside.values("parent").annotate(count=Count("pk")).values("count")
    return albums.annotate(
        photo_count=Count("photos", filter=Q(photos__trashed_at=None, photos__shown_as=None)),
        album_count=Coalesce(Subquery(album_count), 0),
        cover_photo_id=Coalesce(Subquery(chosen), Subquery(first), Subquery(of_inside)),
    )


@dataclass(frozen=True, slots=True)
class Strip:
    """The photos around one photo, in the order of its album or of search results.

    Both lists are empty for a photo that pages do not show.
    """

    before: list[Photo]
    after: list[Photo]

    @property
    def previous(self) -> Photo | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Photo | None:
        return self.after[0] if self.after else None


def strip(photo: Photo, each_side: int = STRIP_PHOTOS, among: PhotoList | None = None) -> Strip:
    """Returns up to `each_side` photos before and after the photo in its album, or in another list.

    In a constant number of queries.
    """
    if photo.trashed_at or photo.shown_as_id:
        return Strip([], [])
    photos = among or PhotoList(photo.album.photos.shown())
    before = photos.before(*photos.place(photo)).prefetch_related("renditions")[:each_side]
    after = photos.after(*photos.place(photo)).prefetch_related("renditions")[:each_side]
    return Strip(list(before)[::-1], list(after))
