"""What the camera's clock showed when a photo was taken, for the database to sort by.

Of some photos the zone is known, and `taken_at` is a point in time; of others it is the clock's time as if it were UTC.
Their clocks can be compared: who travels sets them, and the photos of one day stay together.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, FloatField, Func
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler


class Clock(Func):
    """A number or a time that grows with the clock's. Null where the time of taking is not known."""

    arity = 2

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """In days, exact to a tenth of a millisecond."""
        return self.as_sql(compiler, connection, template="(julianday(%(expressions)s / 1440.0)", arg_joiner=") + ")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s * interval '1 minute')", arg_joiner=" + ")


CLOCK = Clock(F("taken_at"), Coalesce(F("taken_offset_minutes"), 0), output_field=FloatField())
