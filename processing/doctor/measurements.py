"""What was measured last, kept for all web processes and beyond restarts; the size of parts follows from it."""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from processing.doctor import check_result, limits, request_size, run, site_url
from processing.doctor.check_result import Diagnosis
from processing.doctor.request_size import Largest
from processing.doctor.run import Examination
from processing.jobs import periodic
from processing.models import Measurement

log = logging.getLogger(__name__)

KEPT = 10
LONGEST_ADDRESS = 300
BROKE_OFF = check_result.bad(
    "doctor-broke-off", "The doctor", "Something unexpected went wrong while measuring; the log says more."
)
LONGEST = timedelta(minutes=3)
"""A measurement that is older and has no end was killed with its process."""


def chunk_bytes() -> int:
    """The part of a file that a client should send at once."""
    if settings.CHUNK_BYTES:
        return int(settings.CHUNK_BYTES)
    last = last_that_passed()
    if last is None or last.largest_body is None or not last.has_limit:
        return limits.PREFERRED
    return max(limits.LEAST, min(limits.PREFERRED, last.largest_body // limits.LEAST * limits.LEAST))


def last() -> Measurement | None:
    return Measurement.objects.exclude(ended_at=None).first()


def running() -> Measurement | None:
    return Measurement.objects.filter(ended_at=None, begun_at__gt=timezone.now() - LONGEST).first()


def last_that_passed() -> Measurement | None:
    """The last whose bodies got through; a browser's part counts as soon as it is told."""
    return Measurement.objects.exclude(largest_body=None).first()


def begin(told: tuple[Diagnosis, ...] = (), largest: Largest | None = None) -> Measurement:
    """Measure in a thread of its own, unless that runs already. `told` and `largest` are what a browser has measured."""
    row = Measurement(address=site_url.own()[:LONGEST_ADDRESS], browser=check_result.as_json(told))
    _tell(row, largest)
    with periodic.alone("measurement"):  # of two clicks at once one begins
        if now := running():
            return now
        row.begun_at = timezone.now()
        row.save()
    threading.Thread(target=_measure, args=(row, largest), name="doctor", daemon=True).start()
    return row


def keep(found: Examination) -> Measurement:
    """A measurement made elsewhere, as by the command."""
    row = Measurement(address=found.address[:LONGEST_ADDRESS])
    _settle(row, found, None)
    return row


def _measure(row: Measurement, seen_by_browser: Largest | None) -> None:
    try:
        _settle(row, run.examine(row.address), seen_by_browser)
    except Exception:
        log.exception("The doctor broke off")
        row.door, row.ended_at = check_result.as_json([BROKE_OFF]), timezone.now()
        row.save()
    finally:
        connection.close()


def _settle(row: Measurement, found: Examination, seen_by_browser: Largest | None) -> None:
    _tell(row, request_size.narrower(found.largest, seen_by_browser))
    row.door, row.inside = check_result.as_json(found.door), check_result.as_json(found.inside)
    row.ended_at = timezone.now()
    row.save()
    old = Measurement.objects.values_list("pk", flat=True)[KEPT:]
    Measurement.objects.filter(pk__in=list(old)).delete()


def _tell(row: Measurement, largest: Largest | None) -> None:
    row.largest_body = largest.bytes if largest else None
    row.has_limit = bool(largest and largest.has_limit)
