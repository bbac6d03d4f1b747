"""Moves edited photos to their new places in albums that are sorted by what was edited."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from albums.models import Album, Photo, SortedBy
from albums.order import placing

ORDERS: dict[str, tuple[str, ...]] = {
    "edited_taken_at": (SortedBy.TAKEN, SortedBy.NEWEST),
    "edited_taken_offset_minutes": (SortedBy.TAKEN, SortedBy.NEWEST),
    "edited_rating": (SortedBy.RATING,),
}
"""The orders that depend on a column. No other edit changes the place of a photo."""


def place(photos: Iterable[Photo], columns: Collection[str]) -> None:
    """Places the photos whose columns were changed, in the same transaction."""
    orders = {order for column in columns for order in ORDERS.get(column, ())}
    if not orders:
        return
    ids_by_album: dict[int, list[int]] = defaultdict(list)
    for photo in photos:
        ids_by_album[photo.album_id].append(photo.pk)
    albums = Album.objects.filter(pk__in=ids_by_album, sorted_by__in=orders).order_by("pk")
    for album_id in albums.values_list("pk", flat=True):
        placing.place(album_id, ids_by_album[album_id])
