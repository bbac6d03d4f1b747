"""Iterates over many rows or items in batches, in constant memory."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import Model, QuerySet

BATCH_SIZE = 200
Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


def one_by_one(rows: QuerySet[Row]) -> Iterator[Row]:
    """Yields the rows, read in pages by primary key.

    A cursor that stays open for hours of hashing would hold up the database's maintenance, such as VACUUM.
    """
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        yield from page
        last = page[-1].pk


def chunks(items: Iterable[Item], size: int = BATCH_SIZE) -> Iterator[list[Item]]:
    """Yields lists of `size` items; the last may be shorter. Takes no item before it is needed."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
