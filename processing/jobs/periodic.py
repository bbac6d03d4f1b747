"""What is done every so often is done by one worker, however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from processing.models import Round, deadlines

EARLY = 0.1
"""A clock that is slow by this share would else miss its own turn, and wait for another whole one."""


def is_mine(name: str, seconds: float) -> bool:
    """Of all who ask within so many seconds, one is told yes."""
    now = timezone.now()
    Round.objects.get_or_create(name=name, defaults={"next_at": now})
    due = Round.objects.filter(deadlines.passed("next_at", seconds), name=name)
    return bool(due.update(next_at=now + timedelta(seconds=(1 - EARLY) * seconds)))


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One transaction for the block; whoever comes with the same name meanwhile waits for its end, on whatever machine."""
    Round.objects.get_or_create(name=name, defaults={"next_at": timezone.now()})
    with transaction.atomic():
        Round.objects.select_for_update().get(name=name)  # SQLite has one writer, and waited before
        yield
