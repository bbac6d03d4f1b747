"""The background check: reads what is stored again and again, a setting's worth a day, while there is nothing else to do.

What it finds it notes; it never changes or deletes a file. A photo that nobody has read yet comes first, then whatever was read
longest ago, so where it is stands in the photos' own rows.
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
from processing.integrity.file_check import Kept
from processing.integrity.readback import Attention, Interrupted
from processing.models import ProcessingJob
from processing.storage.errors import StorageTrouble

log = logging.getLogger(__name__)

STEP_BYTES = 64 << 20
STEP_SECONDS = 2.0
"""A step ends with the photo at which either is reached; a job that comes ends it at once."""
DAY = timedelta(days=1)
AGAIN_AFTER = timedelta(days=7)
"""Nothing is read more often."""


def step() -> int:
    """Read a few photos, if the time is right. Answers how many."""
    count, until, attention = 0, time.monotonic() + STEP_SECONDS, Attention(_is_busy)
    while attention.bytes < STEP_BYTES and time.monotonic() < until:
        kept = _next(timezone.now())
        if kept is None or not _read(kept, attention):
            break
        count += 1
    return count


def _next(now: datetime) -> Kept | None:
    if _is_busy() or admission.of_work() or _read_since(now - DAY) >= settings.SCRUB_BYTES_PER_DAY:
        return None
    is_stale = Q(checked_at=None) | Q(checked_at__lt=now - AGAIN_AFTER)
    longest_ago = F("checked_at").asc(nulls_first=True)
    photos, companions = Photo.objects.filter(is_stale), Companion.objects.filter(is_stale)
    return photos.order_by(longest_ago, "pk").first() or companions.order_by(longest_ago, "pk").first()


def _is_busy() -> bool:
    return ProcessingJob.objects.active().exists()


def _read_since(since: datetime) -> int:
    originals = Photo.objects.filter(checked_at__gt=since).aggregate(bytes=Sum("original_bytes"))
    renditions = Rendition.objects.filter(photo__checked_at__gt=since).aggregate(bytes=Sum("bytes"))
    companions = Companion.objects.filter(checked_at__gt=since).aggregate(sum=Sum("bytes"))
    return (originals["bytes"] or 0) + (renditions["bytes"] or 0) + (companions["sum"] or 0)


def _read(kept: Kept, attention: Attention) -> bool:
    """False when another worker has it, or there is something better to do."""
    try:
        return readback.read(kept, attention.passed)
    except Interrupted:
        return False
    except StorageTrouble as trouble:
        log.warning("%s could not be read: %s", kept, trouble)
        return False
