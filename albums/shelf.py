"""Queries for the library's pages: albums with covers and counts, in a constant number of queries."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

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


def cards(albums: QuerySet[Album]) -> list[Card]:
    first_ids = Photo.objects.shown().filter(album=OuterRef("pk")).order_by("position", "pk").values("pk")[:1]
    counted = albums.annotate(
        photo_count=Count("photos", filter=Q(photos__trashed_at=None, photos__shown_as=None)),
        first_photo_id=Subquery(first_ids),
    )
    rows = list(
        counted.order_by("-created_at", "-pk")
    )  # explicit: a query with GROUP BY drops the model's default ordering
    covers = Photo.objects.filter(pk__in=[row.first_photo_id for row in rows]).prefetch_related("renditions").in_bulk()
    return [Card(row, row.photo_count, covers.get(row.first_photo_id)) for row in rows]


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
