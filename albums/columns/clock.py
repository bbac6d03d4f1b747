"""The camera's local time as a database expression, for sorting.

If the time zone is known, `taken_at` is a point in time; otherwise it is the local time stored as UTC. Local times can be
compared: travellers set their cameras to local time, and the photos of one day stay together.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, F, FloatField, Func, When
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler


class Clock(Func):
    """A number or time that sorts like the camera's local time. NULL if the capture time is unknown."""

    arity = 2

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """The Julian day, accurate to a tenth of a millisecond."""
        return self.as_sql(compiler, connection, template="(julianday(%(expressions)s / 1440.0)", arg_joiner=") + ")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s * interval '1 minute')", arg_joiner=" + ")


_OFFSET = Case(
    When(edited_taken_at__isnull=False, then=F("edited_taken_offset_minutes")), default=F("taken_offset_minutes")
)
TAKEN_AT = Coalesce(F("edited_taken_at"), F("taken_at"))
"""The capture time to show, as `Photo.shown_taken_at`."""
CLOCK = Clock(TAKEN_AT, Coalesce(_OFFSET, 0), output_field=FloatField())
