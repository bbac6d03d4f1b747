"""Questions in SQL, for those asked of every file: put together by Django, each takes ten times as long as its answer."""

from typing import Any

from django.db import connection

ALBUM = "SELECT trashed_at FROM albums_album WHERE id = %(album)s"


def one_row(sql: str, **values: str | int) -> tuple[Any, ...]:
    """The only row of the answer, or the first; none is empty. `values` are named in it as %(name)s."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def hold(album: int, *, in_use: bool = False) -> bool:
    """Keep the album's row from everybody else until the transaction ends; False when it is gone.

    `in_use`: False, too, when it is in the trash.

    PostgreSQL waits here. SQLite waited at BEGIN IMMEDIATE, and knows no FOR UPDATE.
    """
    row = one_row(ALBUM + " FOR UPDATE" * connection.features.has_select_for_update, album=album)
    return bool(row) and not (in_use and row[0])
