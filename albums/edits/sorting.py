"""Moves edited photos to their new places in albums that are sorted by what was edited."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from albums.models import Album, Photo, PhotoQuerySet, SortedBy
from albums.order import placing

ORDERS: dict[str, tuple[str, ...]] = {
    "edited_taken_at": (SortedBy.TAKEN, SortedBy.NEWEST),
    "edited_taken_offset_minutes": (SortedBy.TAKEN, SortedBy.NEWEST),
    "edited_rating": (SortedBy.RATING,),
}
"""The orders that depend on a column. No other edit changes the place of a photo."""


def lock(photos: PhotoQuerySet, columns: Collection[str]) -> None:
    """Locks the albums that `place` is going to sort. Call it before the photos are locked, as workers that publish photos do."""
    if orders := _orders(columns):
        albums = Album.objects.filter(pk__in=set(photos.values_list("album_id", flat=True)), sorted_by__in=orders)
        list(albums.order_by("pk").select_for_update(no_key=True))


def place(photos: Iterable[Photo], columns: Collection[str], former: Mapping[int, int] | None = None) -> None:
    """Places the photos whose columns were changed, in the same transaction. `former`: see `placing.place`."""
    orders = _orders(columns)
    if not orders:
        return
    ids_by_album: dict[int, list[int]] = defaultdict(list)
    for photo in photos:
        ids_by_album[photo.album_id].append(photo.pk)
    albums = Album.objects.filter(pk__in=ids_by_album, sorted_by__in=orders).order_by("pk")
    for album_id in albums.values_list("pk", flat=True):
        placing.place(album_id, ids_by_album[album_id], former)


def depends_on(columns: Collection[str]) -> bool:
    """True if there are orders that depend on one of the columns."""
    return bool(_orders(columns))


def _orders(columns: Collection[str]) -> set[str]:
    return {order for column in columns for order in ORDERS.get(column, ())}
