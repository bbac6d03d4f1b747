"""Queries for the library's pages: albums with covers and counts, in a constant number of queries."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from albums.models import Album, Photo


@dataclass(frozen=True, slots=True)
class Card:
    """An album in the list of albums."""

    album: Album
    photo_count: int
    cover: Photo | None


def cards(albums: QuerySet[Album]) -> list[Card]:
    cover_ids = Photo.objects.shown().filter(album=OuterRef("pk")).order_by("position", "pk").values("pk")[:1]
    counted = albums.annotate(
        photo_count=Count("photos", filter=Q(photos__trashed_at=None, photos__shown_as=None)),
        cover_id=Subquery(cover_ids),
    )
    rows = list(
        counted.order_by("-created_at", "-pk")
    )  # explicit: a query with GROUP BY drops the model's default ordering
    covers = Photo.objects.filter(pk__in=[row.cover_id for row in rows]).prefetch_related("renditions").in_bulk()
    return [Card(row, row.photo_count, covers.get(row.cover_id)) for row in rows]


def neighbours(photo: Photo) -> tuple[Photo | None, Photo | None]:
    """Returns the previous and next photo in the album's order. None for a photo that pages do not show."""
    if photo.trashed_at or photo.shown_as_id:
        return None, None
    key = (photo.position, photo.pk)
    siblings = photo.album.photos.shown().exclude(pk=photo.pk)
    before = siblings.filter(position__lte=photo.position).order_by("-position", "-pk")
    after = siblings.filter(position__gte=photo.position).order_by("position", "pk")
    return (
        next((sibling for sibling in before[:5] if (sibling.position, sibling.pk) < key), None),
        next((sibling for sibling in after[:5] if (sibling.position, sibling.pk) > key), None),
    )
