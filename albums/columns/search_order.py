"""Expressions over photos that searches sort and filter by. Each has an index.

They have no parameters: SQLite would not use the index.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, ExpressionWrapper, F, Func, SmallIntegerField
from django.db.models.sql.compiler import SQLCompiler

UNDATED = 9_007_199_254_740_991
"""The place of photos without a capture time: the last, and the largest integer of JavaScript."""


class Place(Func):
    """A photo's place among search results, newest first: its camera's local time in milliseconds before 1970.

    The local time is that of `clock.CLOCK`. On PostgreSQL only a time without a zone makes the expression immutable.
    """

    arity = 4
    output_field = BigIntegerField()
    template = (
        "COALESCE(-CAST(%(milliseconds)s AS %(integer)s) - 60000 * "
        "(CASE WHEN %(edited)s IS NULL THEN COALESCE(%(offset)s, 0) ELSE COALESCE(%(edited_offset)s, 0) END), %(undated)s)"
    )

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self._as_sql(
            compiler, "round((julianday(COALESCE({edited}, {taken})) - 2440587.5) * 86400000.0)", "INTEGER"
        )

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        milliseconds = "round(extract(epoch FROM (COALESCE({edited}, {taken}) AT TIME ZONE 'UTC')) * 1000)"
        return self._as_sql(compiler, milliseconds, "bigint")

    def _as_sql(self, compiler: SQLCompiler, milliseconds: str, integer: str) -> tuple[str, list[Any]]:
        names = ("edited", "taken", "edited_offset", "offset")
        columns = {
            name: compiler.compile(expression)[0]
            for name, expression in zip(names, self.source_expressions, strict=True)
        }
        values = columns | {"milliseconds": milliseconds.format(**columns), "integer": integer, "undated": UNDATED}
        return self.template % values, []


class Stars(Func):
    """The stars of `Photo.stars`; 0 for unrated photos."""

    arity = 2
    output_field = SmallIntegerField()
    template = "COALESCE(%(expressions)s, 0)"


PLACE = Place(
    F("edited_taken_at"), F("taken_at"), F("edited_taken_offset_minutes"), F("taken_offset_minutes"),
)  # fmt: skip
UNINDEXED_PLACE = ExpressionWrapper(PLACE + 0, BigIntegerField())
"""The same without its index: PostgreSQL reads all photos in order when it expects more results than there are."""
STARS = Stars(F("edited_rating"), F("rating"))
UNINDEXED_STARS = ExpressionWrapper(STARS + 0, SmallIntegerField())
"""The same without its index: with statistics, SQLite would sort all photos with a rating before it reads the first ones."""
