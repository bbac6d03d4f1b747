"""Counts rows: exactly where that is fast, and by an estimate where there are very many."""

from __future__ import annotations

import json
from typing import Any, Self

from django.db import connections
from django.db.models import QuerySet

EXACT = 100_000
"""The largest exact count. Counting so many index entries takes about ten milliseconds."""


class Count(int):
    """A number of rows. If it is not exact, PostgreSQL's own estimate, which is a few percent off."""

    is_exact: bool

    def __new__(cls, number: int, is_exact: bool = True) -> Self:
        count = super().__new__(cls, number)
        count.is_exact = is_exact
        return count

    @property
    def text(self) -> str:
        return str(int(self)) if self.is_exact else f"about {int(self):,}"


def count(rows: QuerySet[Any]) -> Count:
    """Returns the number of rows. Always exact on SQLite, which has no estimates."""
    if connections[rows.db].vendor != "postgresql":
        return Count(rows.count())
    exact = rows.order_by()[: EXACT + 1].count()
    return Count(exact) if exact <= EXACT else Count(max(exact, _estimate(rows)), is_exact=False)


def _estimate(rows: QuerySet[Any]) -> int:
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
