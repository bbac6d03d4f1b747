"""Keeps sweeps off files that are stored but not published yet, for as long as whoever stored them is at work.

Their keys are leftovers, held by a claim that no job has. A sweep takes those whose hold was not renewed for a whole lease; so
who publishes makes sure, in the same transaction, that it was renewed within half of one.
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


class Lost(Exception):
    """The hold was not renewed for too long, as when the process was frozen: a sweep may have taken the files."""


@contextmanager
def held(claim: uuid.UUID) -> Iterator[None]:
    """Renews the hold while the block runs, however slow the storage is. The keys may be noted before it or in it."""
    done = threading.Event()
    beating = threading.Thread(target=_renew, args=(claim, done), name="hold", daemon=True)
    beating.start()
    try:
        yield
    finally:
        done.set()
        beating.join()


def ensure(claim: uuid.UUID) -> None:
    """In the transaction that publishes. Raises Lost."""
    if Leftover.objects.filter(hold=claim).exclude(created_at__gt=_renewed_since()).exists():
        raise Lost


def release(claim: uuid.UUID, count: int) -> None:
    """In the transaction that publishes: the `count` keys are leftovers no more. Raises Lost when some were taken."""
    if Leftover.objects.filter(hold=claim).delete()[0] != count:
        raise Lost


def _renewed_since() -> datetime:
    return timezone.now() - timedelta(seconds=settings.LEASE_SECONDS / 2)


def _renew(claim: uuid.UUID, done: threading.Event) -> None:
    """One that is older than half a lease stays lost: a sweep may be about to take its file."""
    try:
        while not done.wait(settings.LEASE_SECONDS / 8):
            try:
                Leftover.objects.filter(hold=claim, created_at__gt=_renewed_since()).update(created_at=timezone.now())
            except DatabaseError:  # locked or away: it is asked again at the next beat
                log.warning("A hold could not be renewed", exc_info=True)
                connection.close()
    finally:
        connection.close()
