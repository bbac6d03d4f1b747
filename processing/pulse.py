"""Signs of life of the workers."""

import threading
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone

from processing.models import WorkerPulse

BEAT_SECONDS = 10
ALIVE_SECONDS = 35


def alive() -> QuerySet[WorkerPulse]:
    """Workers seen a moment ago."""
    return WorkerPulse.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=ALIVE_SECONDS))


def keep(name: str, stopped: threading.Event) -> None:
    """Beat until stopped, then say goodbye. A database that is away is asked again at the next beat."""
    while True:
        try:
            beat(name)
        except DatabaseError:
            pass
        finally:
            connection.close()
        if stopped.wait(BEAT_SECONDS):
            break
    WorkerPulse.objects.filter(name=name).delete()
    connection.close()


def beat(name: str) -> None:
    now = timezone.now()
    WorkerPulse.objects.update_or_create(
        name=name,
        defaults={"seen_at": now},
        create_defaults={"seen_at": now, "started_at": now, "version": settings.VERSION},
    )
