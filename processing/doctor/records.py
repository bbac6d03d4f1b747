"""What was measured last, kept for all web processes and beyond restarts; the size of parts follows from it."""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from processing.doctor import address, bounds, diagnosis, examination
from processing.doctor.diagnosis import Diagnosis
from processing.doctor.examination import Examination
from processing.models import Measurement

log = logging.getLogger(__name__)

KEPT = 10
BROKE_OFF = diagnosis.bad(
    "doctor-broke-off", "The doctor", "Something unexpected went wrong while measuring; the log says more."
)
LONGEST = timedelta(minutes=3)
"""A measurement that is older and has no end was killed with its process."""


def chunk_bytes() -> int:
    """The part of a file that a client should send at once."""
    if settings.CHUNK_BYTES:
        return int(settings.CHUNK_BYTES)
    if (largest := largest_body()) is None:
        return bounds.PREFERRED
    return max(bounds.LEAST, min(bounds.PREFERRED, largest // bounds.LEAST * bounds.LEAST))


def largest_body() -> int | None:
    """As it was measured last; a browser's part counts as soon as it is told."""
    return Measurement.objects.exclude(largest_body=None).values_list("largest_body", flat=True).first()


def last() -> Measurement | None:
    return Measurement.objects.exclude(ended_at=None).first()


def running() -> Measurement | None:
    return Measurement.objects.filter(ended_at=None, begun_at__gt=timezone.now() - LONGEST).first()


def begin(told: tuple[Diagnosis, ...] = (), largest: int | None = None) -> Measurement:
    """Measure in a thread of its own, unless that runs already. `told` and `largest` are what a browser has measured."""
    if now := running():
        return now
    row = Measurement.objects.create(
        address=address.own(), largest_body=largest, browser=diagnosis.as_json(told), browser_largest=largest
    )
    threading.Thread(target=_measure, args=(row,), name="doctor", daemon=True).start()
    return row


def keep(found: Examination) -> Measurement:
    """A measurement made elsewhere, as by the command."""
    row = Measurement(address=found.address)
    _settle(row, found)
    return row


def _measure(row: Measurement) -> None:
    try:
        _settle(row, examination.examine(row.address))
    except Exception:
        log.exception("The doctor broke off")
        row.door, row.ended_at = diagnosis.as_json([BROKE_OFF]), timezone.now()
        row.save()
    finally:
        connection.close()


def _settle(row: Measurement, found: Examination) -> None:
    """The smaller of two limits holds: a browser may come another way."""
    row.largest_body = min((size for size in (row.browser_largest, found.largest) if size is not None), default=None)
    row.door, row.inside = diagnosis.as_json(found.door), diagnosis.as_json(found.inside)
    row.ended_at = timezone.now()
    row.save()
    old = Measurement.objects.values_list("pk", flat=True)[KEPT:]
    Measurement.objects.filter(pk__in=list(old)).delete()
