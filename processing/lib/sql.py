"""Raw SQL for queries that run once per file: Django would take ten times as long to build such a query as to run it."""

from typing import Any

from django.db import connection

ALBUM = "SELECT trashed_at FROM albums_album WHERE id = %(album)s"


def one_row(sql: str, **values: str | int) -> tuple[Any, ...]:
    """Returns the first row of the result, or (). The query refers to `values` as %(name)s."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def lock_album(album: int, *, in_use: bool = False, no_key: bool = False) -> bool:
    """Locks the album's row until the transaction ends. False if the album does not exist, or with `in_use` is in the trash.

    With `no_key`, other transactions may add rows that refer to the album meanwhile, such as uploads. PostgreSQL waits for the
    lock here. SQLite has no FOR UPDATE. It has waited at BEGIN IMMEDIATE already, because config/database.py sets
    `transaction_mode`; without that setting, nothing would be locked.
    """
    lock = " FOR NO KEY UPDATE" if no_key else " FOR UPDATE"
    row = one_row(ALBUM + lock if connection.features.has_select_for_update else ALBUM, album=album)
    return bool(row) and not (in_use and row[0])
