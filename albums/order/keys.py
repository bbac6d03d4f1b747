"""The orders in which albums can be sorted, as expressions for the database."""

from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber

from albums.clock import CLOCK
from albums.models import Photo, SortedBy

KEYS: dict[str, list[Any]] = {
    SortedBy.TAKEN: [CLOCK.asc(nulls_last=True)],
    SortedBy.NEWEST: [CLOCK.desc(nulls_last=True)],
    SortedBy.NAME: [],
    SortedBy.RATING: [Coalesce("edited_rating", "rating", 0).desc()],
}
"""Sorting by upload time and by hand needs no key: it is the order of the positions."""
TIES = [F("name_key").asc(nulls_first=True), F("upload_position").asc(nulls_first=True), F("pk").asc()]
"""Photos with equal keys are sorted by name, then by upload: sorting again, or adding photos, gives the same order."""
BY_POSITION = [F("position").asc(), F("pk").asc()]


def order_by(sorted_by: str) -> list[Any]:
    return [*KEYS[sorted_by], *TIES] if sorted_by in KEYS else BY_POSITION


def ranked(album_id: int, keys: list[Any]) -> QuerySet[Any, Any]:
    """Returns `id` and `place`, from 1, of the album's photos in this order, including those in the trash."""
    photos = Photo.objects.filter(album=album_id).leading().order_by()
    return photos.annotate(place=Window(RowNumber(), order_by=keys)).values("id", "place")
