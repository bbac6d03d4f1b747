"""The background check: reads what is stored again and again, a setting's worth a day, while there is nothing else to do.

What it finds it notes; it never changes or deletes a file. A photo that nobody has read yet comes first, then whatever was read
longest ago, so where it is stands in the photos' own rows.
"""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from albums.models import Photo, Rendition
from processing import findings, inspection, pressure
from processing.findings import Troubles
from processing.models import ProcessingJob

STEP_BYTES = 64 << 20
STEP_SECONDS = 2.0
"""A step ends with the photo at which either is reached; a job that comes ends it at once."""
ASK_EVERY = 8 << 20
DAY = timedelta(days=1)
AGAIN_AFTER = timedelta(days=7)
"""Nothing is read more often."""


class Interrupted(Exception):
    """There is a photo to develop."""


def step() -> int:
    """Read a few photos, if the time is right. Answers how many."""
    count, until, reading = 0, time.monotonic() + STEP_SECONDS, _Reading()
    while reading.bytes < STEP_BYTES and time.monotonic() < until:
        photo = _next(timezone.now())
        if photo is None or not _read(photo, reading):
            break
        count += 1
    return count


class _Reading:
    """Counts the bytes of a step, and looks up from them now and then."""

    def __init__(self) -> None:
        self.bytes = self._asked = 0

    def passed(self, count: int) -> None:
        self.bytes += count
        if self.bytes - self._asked >= ASK_EVERY:
            self._asked = self.bytes
            if _is_busy():
                raise Interrupted


def _next(now: datetime) -> Photo | None:
    if _is_busy() or pressure.of_work() or _read_since(now - DAY) >= settings.SCRUB_BYTES_PER_DAY:
        return None
    stale = Photo.objects.filter(Q(checked_at=None) | Q(checked_at__lt=now - AGAIN_AFTER))
    return stale.order_by(F("checked_at").asc(nulls_first=True), "pk").first()


def _is_busy() -> bool:
    return ProcessingJob.objects.active().exists()


def _read_since(since: datetime) -> int:
    originals = Photo.objects.filter(checked_at__gt=since).aggregate(bytes=Sum("original_bytes"))
    renditions = Rendition.objects.filter(photo__checked_at__gt=since).aggregate(bytes=Sum("bytes"))
    return (originals["bytes"] or 0) + (renditions["bytes"] or 0)


def _read(photo: Photo, reading: _Reading) -> bool:
    """False when another worker has it, or there is something better to do."""
    mine = Photo.objects.filter(pk=photo.pk, checked_at=photo.checked_at)
    now = timezone.now()
    if not mine.update(checked_at=now):
        return False
    try:
        found = {
            wanted.key: trouble
            for wanted in inspection.of_photo(photo)
            if (trouble := inspection.trouble(wanted, reading.passed))
        }
    except Interrupted:
        Photo.objects.filter(pk=photo.pk, checked_at=now).update(checked_at=photo.checked_at)
        return False
    _conclude(photo.pk, found)
    return True


def _conclude(pk: int, found: Troubles) -> None:
    """By the row as it is now: the photo may be gone, or its renditions have been made again under other keys."""
    with transaction.atomic():
        photo = Photo.objects.select_for_update().filter(pk=pk).first()
        if photo is None:
            return
        keys = {wanted.key for wanted in inspection.of_photo(photo)}
        still = {key: trouble for key, trouble in found.items() if key in keys}
        findings.note(photo, still)
        if not found:
            Photo.objects.filter(pk=pk).update(verified_at=timezone.now())
