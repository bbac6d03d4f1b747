"""The months in which an album's photos were taken, with the position of the first photo of each."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Count, Func, Min
from django.db.models.sql.compiler import SQLCompiler

from albums.columns.clock import CLOCK
from albums.grid import windows
from albums.models import Album

MIN_PHOTOS = 200
"""An album with fewer photos is not offered by month: scrolling is as fast."""


class _Month(Func):
    """The month of a camera's local time, as 2026-11. NULL if the capture time is unknown."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(date(%(expressions)s), 1, 7)", **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="to_char(%(expressions)s, 'YYYY-MM')", **context)


@dataclass(frozen=True, slots=True)
class Month:
    first_day: date | None
    """None for photos without a capture time."""
    photo_count: int
    url: str


def months(album: Album) -> list[Month]:
    """Returns the months in the order in which they begin in the album, from one query that reads all of its photos."""
    photos = album.photos.shown().order_by()
    grouped = photos.values(month=_Month(CLOCK, output_field=CharField()))
    counted = grouped.annotate(photo_count=Count("pk"), first=Min("position")).order_by("first")
    return [
        Month(
            date.fromisoformat(f"{row['month']}-01") if row["month"] else None,
            row["photo_count"],
            windows.url_from(album, row["first"]),
        )
        for row in counted
    ]
