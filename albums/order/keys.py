"""The orders in which albums can be sorted, as expressions for the database. All sort upwards and are never NULL."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, F, FloatField, Func, Q, QuerySet, Value, Window
from django.db.models.functions import Coalesce, RowNumber
from django.db.models.sql.compiler import SQLCompiler

from albums.columns.clock import CLOCK
from albums.models import Photo, PhotoQuerySet, SortedBy

UNKNOWN = Value(1e18, output_field=FloatField())
"""Sorts behind all dates."""


class _Number(Func):
    """A time of albums.columns.clock as a number."""

    output_field = FloatField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, template=template, **context)


KEYS: dict[str, list[Any]] = {
    SortedBy.TAKEN: [Coalesce(_Number(CLOCK), UNKNOWN)],
    SortedBy.NEWEST: [Coalesce(Value(-1.0) * _Number(CLOCK), UNKNOWN)],
    SortedBy.NAME: [],
    SortedBy.RATING: [Value(-1) * Coalesce("edited_rating", "rating", 0)],
}
"""Sorting by upload time and by hand needs no key: it is the order of the positions."""
TIES = [Coalesce("name_key", Value(b"", output_field=BinaryField())), Coalesce("upload_position", 0), F("pk")]
"""Photos with equal keys are sorted by name, then by upload: sorting again, or adding photos, gives the same order."""
BY_POSITION = [F("position"), F("pk")]


def order_by(sorted_by: str) -> list[Any]:
    return [*KEYS[sorted_by], *TIES] if sorted_by in KEYS else BY_POSITION


def ranked(album_id: int, keys: list[Any]) -> QuerySet[Any, Any]:
    """Returns `id` and `place`, from 1, of the album's photos in this order, including those in the trash."""
    photos = Photo.objects.filter(album=album_id).leading().order_by()
    return photos.annotate(place=Window(RowNumber(), order_by=keys)).values("id", "place")


def compared(photos: PhotoQuerySet, sorted_by: str, photo_id: int) -> tuple[Any, Q]:
    """Returns the photos with their keys, and the condition of those that come before the photo in this order."""
    columns = {f"key_{index}": key for index, key in enumerate(order_by(sorted_by))}
    values = Photo.objects.filter(pk=photo_id).annotate(**columns).values(*columns).get()
    is_before, is_equal = Q(), Q()
    for column in columns:
        is_before |= is_equal & Q(**{f"{column}__lt": values[column]})
        is_equal &= Q(**{column: values[column]})
    return photos.annotate(**columns), is_before
