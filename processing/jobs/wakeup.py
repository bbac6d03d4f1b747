"""The bell wakes a worker. It carries a job's id, but the job row is the truth: ringing twice or never is harmless."""

import logging
import secrets
import time
import uuid

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from processing.lib import failpoints
from processing.lib.failpoints import Point

log = logging.getLogger(__name__)

SILENT_SECONDS = 10.0
"""How long a queue that did not answer is left alone: each photo of a form would wait two seconds for a frozen Redis."""
LISTEN_SECONDS = 0.02

NO_JOB = 0

_silent_until = 0.0


def ring(job_id: int, delay: float = 0) -> None:
    """Wake a worker, in `delay` seconds. A queue that is away never fails whoever rings: the sweep rings again."""
    failpoints.reach(Point.BEFORE_BELL)
    _ring(settings.BELL, job_id, delay)


def ring_for_upload(upload_id: uuid.UUID) -> None:
    """It is whole in the bucket, and too large to be read back while its sender waits."""
    _ring(settings.UPLOAD_BELL, str(upload_id), 0)


def _ring(task_path: str, what: int | str, delay: float) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        task = import_string(task_path)
        task.schedule((what,), delay=delay) if delay else task(what)
    except Exception:
        _silent_until = time.monotonic() + SILENT_SECONDS
        log.warning("The bell for %s did not ring; the sweep will ring it", what, exc_info=True)


def ring_for_what_waits() -> None:
    """Whoever hears it and finds no job that is due reads a stored photo back, or renders one again."""
    ring(NO_JOB)


def ring_after_commit(job_id: int, delay: float = 0) -> None:
    transaction.on_commit(lambda: ring(job_id, delay))


def echo(patience: float) -> float | None:
    """Seconds until a worker answered; None when none did within `patience`. Raises what the queue raises when it is away."""
    queue = import_string(settings.BELL).huey
    queue.pending_count()
    if not patience:
        return None
    key, began = f"echo-{secrets.token_hex(8)}", time.monotonic()
    import_string(settings.ECHO)(key, time.time() + patience)
    while time.monotonic() - began < patience:
        if queue.storage.has_data_for_key(key):
            queue.storage.pop_data(key)
            return time.monotonic() - began
        time.sleep(LISTEN_SECONDS)
    return None


def answer(key: str, until: float) -> None:
    """A worker's part of an echo; after `until` nobody listens any more."""
    if time.time() < until:
        import_string(settings.BELL).huey.storage.put_data(key, b"heard")


def waiting() -> int:
    """How many bells ring unanswered; 0 when the queue cannot be asked."""
    try:
        return int(import_string(settings.BELL).huey.pending_count())
    except Exception:
        log.warning("The queue does not answer", exc_info=True)
        return 0
