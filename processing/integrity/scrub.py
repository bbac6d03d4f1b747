"""The background check: reads all stored files repeatedly while no job is active, at most SCRUB_BYTES_PER_DAY a day.

It records findings, and never changes or deletes a file. Photos that have never been read come first, then those read longest
ago, so the progress is stored in the rows of the photos.
"""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, Sum
from django.utils import timezone

from albums.models import Companion, Photo, Rendition
from processing.capacity import admission
from processing.integrity import readback
from processing.integrity.file_check import StoredItem
from processing.integrity.readback import Preempted, PreemptionCheck
from processing.models import ProcessingJob
from processing.storage.storage_errors import StorageError

log = logging.getLogger(__name__)

STEP_BYTES = 64 << 20
STEP_SECONDS = 2.0
"""A step ends after the photo with which either limit is reached. A new job ends it at once."""
DAY = timedelta(days=1)
AGAIN_AFTER = timedelta(days=7)
"""The minimum time between two checks of the same photo."""


def step() -> int:
    """Reads a few photos or companions if the system is idle, and returns how many."""
    count, deadline, attention = 0, time.monotonic() + STEP_SECONDS, PreemptionCheck(_is_busy)
    while attention.bytes < STEP_BYTES and time.monotonic() < deadline:
        item = _next(timezone.now())
        if item is None or not _read(item, attention):
            break
        count += 1
    return count


def _next(now: datetime) -> StoredItem | None:
    if _is_busy() or admission.for_worker() or _bytes_read_since(now - DAY) >= settings.SCRUB_BYTES_PER_DAY:
        return None
    is_stale = Q(checked_at=None) | Q(checked_at__lt=now - AGAIN_AFTER)
    longest_ago = F("checked_at").asc(nulls_first=True)
    photos, companions = Photo.objects.filter(is_stale), Companion.objects.filter(is_stale)
    return photos.order_by(longest_ago, "pk").first() or companions.order_by(longest_ago, "pk").first()


def _is_busy() -> bool:
    return ProcessingJob.objects.active().exists()


def _bytes_read_since(since: datetime) -> int:
    originals = Photo.objects.filter(checked_at__gt=since).aggregate(bytes=Sum("original_bytes"))
    renditions = Rendition.objects.filter(photo__checked_at__gt=since).aggregate(bytes=Sum("bytes"))
    companions = Companion.objects.filter(checked_at__gt=since).aggregate(sum=Sum("bytes"))
    return (originals["bytes"] or 0) + (renditions["bytes"] or 0) + (companions["sum"] or 0)


def _read(item: StoredItem, attention: PreemptionCheck) -> bool:
    """False if another worker is reading the item, more important work is waiting, or the bucket failed."""
    try:
        return readback.read(item, attention.on_bytes_read)
    except Preempted:
        return False
    except StorageError as error:
        log.warning("Can't read %s: %s", item, error)
        return False
