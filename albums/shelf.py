"""Queries for the library's pages: albums with covers and counts, in a constant number of queries."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

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
    """The photos around one photo, in the album's order. Both lists are empty for a photo that pages do not show."""

    before: list[Photo]
    after: list[Photo]

    @property
    def previous(self) -> Photo | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Photo | None:
        return self.after[0] if self.after else None


def strip(photo: Photo, each_side: int = STRIP_PHOTOS) -> Strip:
    """Returns up to `each_side` photos before and after the photo, in a constant number of queries."""
    if photo.trashed_at or photo.shown_as_id:
        return Strip([], [])
    # The first condition of each pair is redundant: with it, the database reads the index from the photo's position on.
    position, siblings = photo.position, photo.album.photos.shown().prefetch_related("renditions")
    is_before = Q(position__lt=position) | Q(position=position, pk__lt=photo.pk)
    is_after = Q(position__gt=position) | Q(position=position, pk__gt=photo.pk)
    before = siblings.filter(is_before, position__lte=position).order_by("-position", "-pk")[:each_side]
    after = siblings.filter(is_after, position__gte=position).order_by("position", "pk")[:each_side]
    return Strip(list(before)[::-1], list(after))
