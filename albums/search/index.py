"""The full-text index of photos and albums, on the database in use. Triggers keep it, so that no writer can forget to.

A photo's words are those of its texts, and an album's those of its title: renaming an album changes one row of the index.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

from albums.search import postgresql_index, sqlite_index
from albums.search.query import Words

BATCH_SIZE = 1000
"""Rows that a rebuild indexes per transaction: SQLite has one writer, so a transaction must be short."""
TABLES = ("album", "photo")


def create(database: BaseDatabaseWrapper) -> None:
    """Creates the tables, unless they exist, and the triggers. Does not index existing rows."""
    _execute(database, _backend(database).CREATE)


def drop(database: BaseDatabaseWrapper) -> None:
    _execute(database, _backend(database).DROP)


def is_kept(database: BaseDatabaseWrapper) -> bool:
    """False if a trigger is missing. On SQLite, Django loses those of a table whenever a migration changes a column of it."""
    backend = _backend(database)
    with database.cursor() as cursor:
        cursor.execute(backend.COUNT_TRIGGERS)
        return bool(cursor.fetchone()[0] == len(backend.TRIGGERS))


def rebuild(database: BaseDatabaseWrapper, report: Callable[[str, int], None] = lambda table, count: None) -> None:
    """Rebuilds the index, BATCH_SIZE rows per transaction, while others write. Calls `report` after each with its row count."""
    for table in TABLES:
        first = 0
        while (last := _last_of_batch(database, table, first)) is not None:
            report(table, _rebuild_range(database, table, first, last))
            first = last
        _rebuild_range(database, table, first, 2**63 - 1)


def repair(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Creates missing triggers and rebuilds the index. Does nothing if the index is kept or was never created."""
    database = connections[using]
    if "albums_photo_words" in database.introspection.table_names() and not is_kept(database):
        create(database)
        rebuild(database)


def photo_ids(terms: Sequence[Words]) -> RawSQL:
    """Returns a subquery of the ids of photos whose own texts have all the terms."""
    return RawSQL(*_backend(connection).ids("photo", terms))


def album_ids(terms: Sequence[Words]) -> RawSQL:
    """Returns a subquery of the ids of albums whose title has all the terms."""
    return RawSQL(*_backend(connection).ids("album", terms))


def _backend(database: BaseDatabaseWrapper) -> ModuleType:
    return postgresql_index if database.vendor == "postgresql" else sqlite_index


def _execute(database: BaseDatabaseWrapper, statements: Sequence[str]) -> None:
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _last_of_batch(database: BaseDatabaseWrapper, table: str, first: int) -> int | None:
    """Returns the largest id of the next batch of rows with ids above `first`; None if there are none."""
    batch = f"SELECT id FROM albums_{table} WHERE id > %s ORDER BY id LIMIT {BATCH_SIZE}"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT max(id) FROM ({batch}) batch", [first])
        last: int | None = cursor.fetchone()[0]
    return last


def _rebuild_range(database: BaseDatabaseWrapper, table: str, first: int, last: int) -> int:
    remove, add = _backend(database).REBUILD[table]
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute(remove, [first, last])
        cursor.execute(add, [first, last])
        return int(cursor.rowcount)
