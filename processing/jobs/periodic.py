"""Locks in the database: a periodic task runs in one worker per interval, and a named block in one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from processing.models import Round, deadlines

TOLERANCE = 0.1
"""The share of an interval by which a call may come early. Without it, a worker with a slow clock would skip an interval."""


def acquire(name: str, seconds: float) -> bool:
    """True for exactly one caller per interval of `seconds`, across all processes."""
    now = timezone.now()
    Round.objects.get_or_create(name=name, defaults={"next_at": now})
    due = Round.objects.filter(deadlines.passed("next_at", seconds), name=name)
    return bool(due.update(next_at=now + timedelta(seconds=(1 - TOLERANCE) * seconds)))


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Runs the block in a transaction. Other callers with the same name, on any machine, wait until it ends."""
    Round.objects.get_or_create(name=name, defaults={"next_at": timezone.now()})
    with transaction.atomic():
        Round.objects.select_for_update().get(name=name)  # SQLite has one writer: it already waited at BEGIN IMMEDIATE
        yield
