"""Post-write verification: reads the stored files of a new photo back, so that the receipt of its batch can confirm them.

It never delays developing: a worker verifies when it is woken up and no job is due, or in short time slices while jobs never run
out. Each new photo sends a wake-up message for it, and the sweep replaces lost messages. Reading a file twice is harmless.
"""

import logging
import time
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from albums.models import Companion, Photo
from processing.capacity import admission
from processing.integrity import readback
from processing.integrity.file_check import StoredItem
from processing.integrity.readback import Preempted, PreemptionCheck
from processing.jobs import wakeup
from processing.models import ProcessingJob
from processing.storage.storage_errors import StorageError

log = logging.getLogger(__name__)

Row = TypeVar("Row", Photo, Companion)

FRESH = timedelta(days=7)
"""Older photos are left to the background check, so that an existing library is not read all at once."""
ABANDONED_LEASES = 5
"""A read-back that began this many leases ago and has not ended counts as abandoned."""
BACKLOG_SHARE = 1 / 30
"""The share of time for verification while photos wait to be developed."""


def due() -> QuerySet[Photo]:
    """New photos that are not verified and not being read. Those of the newest batch come first: its user may be waiting."""
    return _unverified(Photo.objects.all()).order_by(F("job__batch").desc(nulls_last=True), "pk")


def due_companions() -> QuerySet[Companion]:
    """New companions that are not verified and not being read."""
    return _unverified(Companion.objects.all()).order_by("pk")


def verify_next() -> bool:
    """Reads back one photo or companion unless a job is due. A new job interrupts the read-back, and a wake-up message is sent to
    repeat it. True if one was read.
    """
    item = None if _is_work_due() or admission.for_worker() else _next()
    if item is None:
        return False
    try:
        return readback.read(item, PreemptionCheck(_is_work_due).on_bytes_read)
    except Preempted:
        wakeup.send_idle()
        return False
    except StorageError as error:  # the sweep sends another wake-up message
        log.warning("Can't read %s back: %s", item, error)
        return False


def verify_slice() -> int:
    """Reads back photos for one time slice if jobs are due, and returns how many: at least one, if any is due."""
    count, deadline = 0, time.monotonic() + settings.SWEEP_SECONDS * BACKLOG_SHARE
    if not _is_work_due() or admission.for_worker():
        return count
    try:
        while (item := _next()) and readback.read(item, lambda _: None):
            count += 1
            if time.monotonic() >= deadline:
                break
    except StorageError as error:
        log.warning("Can't read photos back: %s", error)
    return count


def _next() -> StoredItem | None:
    return due().first() or due_companions().first()


def _unverified(rows: QuerySet[Row]) -> QuerySet[Row]:
    now = timezone.now()
    abandoned = timedelta(seconds=ABANDONED_LEASES * settings.LEASE_SECONDS)
    unverified = rows.filter(verified_at=None, findings=None, created_at__gt=now - FRESH)
    return unverified.exclude(checked_at__range=(now - abandoned, now))


def _is_work_due() -> bool:
    return ProcessingJob.objects.due().exists()
