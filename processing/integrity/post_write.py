"""The proof: soon after a photo is made, what was stored of it is read back and compared, so that its batch's receipt can say so.

It never delays developing: it is what a worker does when its bell finds no job that is due, or in small slices while there always
is one. Each photo rings a bell for it when it is made, and the sweep rings those that were lost; reading twice is harmless.
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
from processing.integrity.file_check import Kept
from processing.integrity.readback import Attention, Interrupted
from processing.jobs import wakeup
from processing.models import ProcessingJob
from processing.storage.errors import StorageTrouble

log = logging.getLogger(__name__)

Row = TypeVar("Row", Photo, Companion)

FRESH = timedelta(days=7)
"""Older photos are left to the background check: a library that was there before shall not be read all at once."""
ABANDONED_LEASES = 5
"""A reading that began so many leases ago and has not ended was killed."""
SLICE = 1 / 30
"""How much of the time goes into it while photos wait to be developed."""


def due() -> QuerySet[Photo]:
    """Made lately, not read back yet and not being read just now. The newest batch comes first: somebody waits for it."""
    return _unread(Photo.objects.all()).order_by(F("job__batch").desc(nulls_last=True), "pk")


def due_companions() -> QuerySet[Companion]:
    return _unread(Companion.objects.all()).order_by("pk")


def prove_next() -> bool:
    """Read one photo or companion back, unless there is work. A job that comes ends the reading, which is rung for again."""
    kept = None if _is_work_due() or admission.of_work() else _next()
    if kept is None:
        return False
    try:
        return readback.read(kept, Attention(_is_work_due).passed)
    except Interrupted:
        wakeup.ring_for_what_waits()
        return False
    except StorageTrouble as trouble:  # rung for by the sweep
        log.warning("%s could not be read back: %s", kept, trouble)
        return False


def prove_some() -> int:
    """A slice, for while there is always a photo to develop. Answers how many were read: one at least, if any is due."""
    count, until = 0, time.monotonic() + settings.SWEEP_SECONDS * SLICE
    if not _is_work_due() or admission.of_work():
        return count
    try:
        while (kept := _next()) and readback.read(kept, lambda _: None):
            count += 1
            if time.monotonic() >= until:
                break
    except StorageTrouble as trouble:
        log.warning("Photos could not be read back: %s", trouble)
    return count


def _next() -> Kept | None:
    return due().first() or due_companions().first()


def _unread(rows: QuerySet[Row]) -> QuerySet[Row]:
    now = timezone.now()
    abandoned = timedelta(seconds=ABANDONED_LEASES * settings.LEASE_SECONDS)
    unread = rows.filter(verified_at=None, findings=None, created_at__gt=now - FRESH)
    return unread.exclude(checked_at__range=(now - abandoned, now))


def _is_work_due() -> bool:
    return ProcessingJob.objects.due().exists()
