"""Stores the doctor's measurements in the database, and derives the chunk size of uploads from the last one."""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from processing.doctor import check_result, limits, request_size, run, site_url
from processing.doctor.check_result import CheckResult
from processing.doctor.request_size import LargestBody
from processing.doctor.run import Examination
from processing.jobs import periodic
from processing.models import Measurement

log = logging.getLogger(__name__)

KEPT = 10
MAX_ADDRESS_LENGTH = 300
FAILED = check_result.bad(
    "doctor-broke-off", "Upload check", "The check failed unexpectedly. See the server's log for details."
)
MAX_SECONDS = timedelta(minutes=3)
"""The longest possible measurement. An older one without an end was killed with its process."""


def chunk_bytes() -> int:
    """Returns the chunk size that clients should use."""
    if settings.CHUNK_BYTES:
        return int(settings.CHUNK_BYTES)
    last = last_that_passed()
    if last is None or last.largest_body is None or not last.has_limit:
        return limits.DEFAULT_CHUNK_BYTES
    return max(
        limits.MIN_CHUNK_BYTES,
        min(limits.DEFAULT_CHUNK_BYTES, last.largest_body // limits.MIN_CHUNK_BYTES * limits.MIN_CHUNK_BYTES),
    )


def last() -> Measurement | None:
    return Measurement.objects.exclude(ended_at=None).first()


def running() -> Measurement | None:
    return Measurement.objects.filter(ended_at=None, begun_at__gt=timezone.now() - MAX_SECONDS).first()


def last_that_passed() -> Measurement | None:
    """Returns the last measurement with a largest body. A browser's result counts as soon as it is stored."""
    return Measurement.objects.exclude(largest_body=None).first()


def begin(browser_diagnoses: tuple[CheckResult, ...] = (), largest: LargestBody | None = None) -> Measurement:
    """Starts a measurement in a thread, unless one is running. Returns its row.

    `browser_diagnoses` and `largest` are a browser's results.
    """
    row = Measurement(address=site_url.own()[:MAX_ADDRESS_LENGTH], browser=check_result.as_json(browser_diagnoses))
    _set_largest(row, largest)
    with periodic.exclusive("measurement"):  # of two simultaneous requests, one starts it
        if current := running():
            return current
        row.begun_at = timezone.now()
        row.save()
    threading.Thread(target=_measure, args=(row, largest), name="doctor", daemon=True).start()
    return row


def save(examination: Examination) -> Measurement:
    """Stores a measurement that was made elsewhere, such as in the command."""
    row = Measurement(address=examination.address[:MAX_ADDRESS_LENGTH])
    _save(row, examination, None)
    return row


def _measure(row: Measurement, browser_largest: LargestBody | None) -> None:
    try:
        _save(row, run.run(row.address), browser_largest)
    except Exception:
        log.exception("The upload check failed unexpectedly")
        row.door, row.ended_at = check_result.as_json([FAILED]), timezone.now()
        row.save()
    finally:
        connection.close()


def _save(row: Measurement, examination: Examination, browser_largest: LargestBody | None) -> None:
    _set_largest(row, request_size.narrower(examination.largest, browser_largest))
    row.door, row.inside = check_result.as_json(examination.door), check_result.as_json(examination.inside)
    row.ended_at = timezone.now()
    row.save()
    expired = Measurement.objects.values_list("pk", flat=True)[KEPT:]
    Measurement.objects.filter(pk__in=list(expired)).delete()


def _set_largest(row: Measurement, largest: LargestBody | None) -> None:
    row.largest_body = largest.bytes if largest else None
    row.has_limit = bool(largest and largest.has_limit)
