"""The bell wakes a worker. It carries a job's id, but the job row is the truth: ringing twice or never is harmless."""

import logging
import time

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from processing import failpoints
from processing.failpoints import Point

log = logging.getLogger(__name__)

SILENT_SECONDS = 10.0
"""How long a queue that did not answer is left alone: each photo of a form would wait two seconds for a frozen Redis."""

NO_JOB = 0

_silent_until = 0.0


def ring(job_id: int, delay: float = 0) -> None:
    """Wake a worker, in `delay` seconds. A queue that is away never fails whoever rings: the sweep rings again."""
    global _silent_until
    failpoints.reach(Point.BEFORE_BELL)
    if time.monotonic() < _silent_until:
        return
    try:
        task = import_string(settings.BELL)
        task.schedule((job_id,), delay=delay) if delay else task(job_id)
    except Exception:
        _silent_until = time.monotonic() + SILENT_SECONDS
        log.warning("The bell for job %s did not ring; the sweep will ring it", job_id, exc_info=True)


def ring_for_proof() -> None:
    """Whoever hears it and finds no job that is due reads a stored photo back."""
    ring(NO_JOB)


def ring_after_commit(job_id: int, delay: float = 0) -> None:
    transaction.on_commit(lambda: ring(job_id, delay))


def waiting() -> int:
    """How many bells ring unanswered; 0 when the queue cannot be asked."""
    try:
        return int(import_string(settings.BELL).huey.pending_count())
    except Exception:
        log.warning("The queue does not answer", exc_info=True)
        return 0
