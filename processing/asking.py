"""Questions in SQL, for those asked of every file: put together by Django, each takes ten times as long as its answer."""

from typing import Any

from django.db import connection


def one_row(sql: str, **values: str | int) -> tuple[Any, ...]:
    """The only row of the answer; `values` are named in it as %(name)s."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
