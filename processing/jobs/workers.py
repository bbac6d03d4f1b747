"""The registry of workers: heartbeats, counters and draining. The only writer of WorkerPulse."""

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

HEARTBEAT_SECONDS = 10
ALIVE_SECONDS = 35
RECENT_SECONDS = 60.0

_dealt_with = 0
_lately: deque[float] = deque()


def running() -> QuerySet[WorkerPulse]:
    """Workers with a heartbeat in the last ALIVE_SECONDS."""
    return WorkerPulse.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=ALIVE_SECONDS))


def heartbeat_loop(name: str, stopped: threading.Event) -> None:
    """Sends heartbeats until `stopped` is set, then deletes the worker's row. A database error is retried at the next one."""
    send = register
    while True:
        try:
            send(name)
            send = heartbeat
        except DatabaseError:
            pass
        finally:
            connection.close()
        if stopped.wait(HEARTBEAT_SECONDS):
            break
    WorkerPulse.objects.filter(name=name).delete()
    connection.close()


def register(name: str) -> None:
    """Sends the first heartbeat. Discards the row of an earlier worker of this name, and a drain request to it."""
    WorkerPulse.objects.filter(name=name).delete()
    heartbeat(name)


def heartbeat(name: str) -> None:
    now, recent = timezone.now(), _count_recent(time.monotonic())
    columns: dict[str, Any] = {"seen_at": now, "developed": _dealt_with, "lately": recent}
    WorkerPulse.objects.update_or_create(
        name=name,
        defaults=columns,
        create_defaults=columns | {"started_at": now, "version": settings.VERSION, "host": name.rpartition(":")[0]},
    )


def count_processed() -> None:
    """Counts one more file that this process has processed."""
    global _dealt_with
    _dealt_with += 1
    _lately.append(time.monotonic())


def drain(names: list[str]) -> int:
    """Asks these workers to finish their current file and start no other. Returns how many of them are alive."""
    workers = running().filter(name__in=names)
    workers.filter(drained_at=None).update(drained_at=timezone.now())
    return workers.count()


def resume(names: list[str]) -> int:
    """Ends the draining of these workers. Returns how many of them are alive."""
    workers = running().filter(name__in=names)
    workers.update(drained_at=None)
    return workers.count()


def is_drained(name: str) -> bool:
    return WorkerPulse.objects.filter(name=name, drained_at__isnull=False).exists()


def _count_recent(now: float) -> int:
    while _lately and _lately[0] < now - RECENT_SECONDS:
        _lately.popleft()
    return len(_lately)
