"""Questions in SQL, for those asked of every file: put together by Django, each takes ten times as long as its answer."""

from typing import Any

from django.db import connection

ALBUM = "SELECT id FROM albums_album WHERE id = %(album)s"


def one_row(sql: str, **values: str | int) -> tuple[Any, ...]:
    """The only row of the answer, or the first; none is empty. `values` are named in it as %(name)s."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def hold(album: int) -> bool:
    """Keep the album's row from everybody else until the transaction ends; False when it is gone.

    PostgreSQL waits here. SQLite waited at BEGIN IMMEDIATE, and knows no FOR UPDATE.
    """
    return bool(one_row(ALBUM + " FOR UPDATE" * connection.features.has_select_for_update, album=album))
