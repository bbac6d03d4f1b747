"""Holds: they protect files that are stored but not published yet from the sweep while their writer is at work.

The keys are Leftover rows, held by a claim that belongs to no job. A sweep deletes files if their hold was not renewed for a
whole lease. So the publishing transaction checks that the hold was renewed within the last half lease.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from albums.models import Leftover

log = logging.getLogger(__name__)


class HoldLost(Exception):
    """The hold was not renewed in time, for example because the process was suspended: a sweep may have deleted the files."""


@contextmanager
def renewed(claim: uuid.UUID) -> Iterator[None]:
    """Renews the hold in a thread while the block runs, however slow the storage is. Keys may be noted before or in the block."""
    done = threading.Event()
    heartbeat = threading.Thread(target=_renew, args=(claim, done), name="hold", daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        done.set()
        heartbeat.join()


def ensure(claim: uuid.UUID) -> None:
    """Checks the hold; call it in the publishing transaction. Raises HoldLost."""
    if Leftover.objects.filter(hold=claim).exclude(created_at__gt=_renewed_since()).exists():
        raise HoldLost


def release(claim: uuid.UUID, count: int) -> None:
    """Deletes the Leftover rows of `count` keys; call it in the publishing transaction. Raises HoldLost if a row is missing."""
    if Leftover.objects.filter(hold=claim).delete()[0] != count:
        raise HoldLost


def _renewed_since() -> datetime:
    return timezone.now() - timedelta(seconds=settings.LEASE_SECONDS / 2)


def _renew(claim: uuid.UUID, done: threading.Event) -> None:
    """Does not renew a row older than half a lease: a sweep may be about to delete its file."""
    try:
        while not done.wait(settings.LEASE_SECONDS / 8):
            try:
                Leftover.objects.filter(hold=claim, created_at__gt=_renewed_since()).update(created_at=timezone.now())
            except DatabaseError:  # locked or unreachable: the next heartbeat retries
                log.warning("Can't renew a hold", exc_info=True)
                connection.close()
    finally:
        connection.close()
