"""Signs of life of the workers, and what else is to be known of each. Only this module writes WorkerPulse."""

import threading
import time
from collections import deque
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone

from processing.models import WorkerPulse

BEAT_SECONDS = 10
ALIVE_SECONDS = 35
LATELY_SECONDS = 60.0

_dealt_with = 0
_lately: deque[float] = deque()


def alive() -> QuerySet[WorkerPulse]:
    """Workers seen a moment ago."""
    return WorkerPulse.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=ALIVE_SECONDS))


def keep(name: str, stopped: threading.Event) -> None:
    """Beat until stopped, then say goodbye. A database that is away is asked again at the next beat."""
    sign = begin
    while True:
        try:
            sign(name)
            sign = beat
        except DatabaseError:
            pass
        finally:
            connection.close()
        if stopped.wait(BEAT_SECONDS):
            break
    WorkerPulse.objects.filter(name=name).delete()
    connection.close()


def begin(name: str) -> None:
    """The first beat. Whoever had this name before is gone, and what was asked of it."""
    WorkerPulse.objects.filter(name=name).delete()
    beat(name)


def beat(name: str) -> None:
    now, lately = timezone.now(), _count_lately(time.monotonic())
    told: dict[str, Any] = {"seen_at": now, "developed": _dealt_with, "lately": lately}
    WorkerPulse.objects.update_or_create(
        name=name,
        defaults=told,
        create_defaults=told | {"started_at": now, "version": settings.VERSION, "host": name.rpartition(":")[0]},
    )


def count_one() -> None:
    """This process has dealt with one more file."""
    global _dealt_with
    _dealt_with += 1
    _lately.append(time.monotonic())


def drain(names: list[str]) -> int:
    """Have these workers end what they have in work and begin nothing more. Answers how many of them there are."""
    workers = alive().filter(name__in=names)
    workers.filter(drained_at=None).update(drained_at=timezone.now())
    return workers.count()


def resume(names: list[str]) -> int:
    workers = alive().filter(name__in=names)
    workers.update(drained_at=None)
    return workers.count()


def is_drained(name: str) -> bool:
    return WorkerPulse.objects.filter(name=name, drained_at__isnull=False).exists()


def _count_lately(now: float) -> int:
    while _lately and _lately[0] < now - LATELY_SECONDS:
        _lately.popleft()
    return len(_lately)
