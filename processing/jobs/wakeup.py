"""Wake-up messages to workers. Only the job row is authoritative: a duplicate or lost message is harmless."""

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

RETRY_SECONDS = 10.0
"""How long no message is sent after the queue failed. Otherwise each photo of a form would wait two seconds for a hung Redis."""
POLL_SECONDS = 0.02

NO_JOB = 0

_suspended_until = 0.0


def send(job_id: int, delay: float = 0) -> None:
    """Sends a message in `delay` seconds. Never raises when the queue is unavailable: the sweep sends the message again."""
    failpoints.reach(Point.BEFORE_WAKEUP)
    _send(settings.WAKEUP_TASK, job_id, delay)


def send_for_upload(upload_id: uuid.UUID) -> None:
    """Sends a wake-up message for an upload that is complete in the bucket and too large to be read back within a request."""
    _send(settings.UPLOAD_TASK, str(upload_id), 0)


def send_for_operation(operation_id: int) -> None:
    """Sends a message that makes the queue continue a user's operation."""
    _send(settings.OPERATION_TASK, operation_id, 0)


def send_for_checksums(ids: str) -> None:
    """Sends a message with the items that a worker has to read for a download (integrity/zip_checksums.py)."""
    _send(settings.CHECKSUM_TASK, ids, 0)


def _send(task_path: str, argument: int | str, delay: float) -> None:
    global _suspended_until
    if time.monotonic() < _suspended_until:
        return
    try:
        task = import_string(task_path)
        task.schedule((argument,), delay=delay) if delay else task(argument)
    except Exception:
        _suspended_until = time.monotonic() + RETRY_SECONDS
        log.warning("Can't send the wake-up message for %s; the sweep will send it", argument, exc_info=True)


def send_idle() -> None:
    """Sends a wake-up message. If no job is due, the worker reads a stored photo back or renders one again."""
    send(NO_JOB)


def send_after_commit(job_id: int, delay: float = 0) -> None:
    transaction.on_commit(lambda: send(job_id, delay))


def ping(timeout: float) -> float | None:
    """Returns the seconds until a worker replied; None when none replied within `timeout` seconds.

    Raises the queue's own exception when the queue is unavailable.
    """
    queue = import_string(settings.WAKEUP_TASK).huey
    queue.pending_count()
    if not timeout:
        return None
    key, started_at = f"echo-{secrets.token_hex(8)}", time.monotonic()
    import_string(settings.PING_TASK)(key, time.time() + timeout)
    while time.monotonic() - started_at < timeout:
        if queue.storage.has_data_for_key(key):
            queue.storage.pop_data(key)
            return time.monotonic() - started_at
        time.sleep(POLL_SECONDS)
    return None


def reply(key: str, until: float) -> None:
    """Replies to `ping`; the worker calls it. Does nothing after `until`, when the caller no longer waits."""
    if time.time() < until:
        import_string(settings.WAKEUP_TASK).huey.storage.put_data(key, b"heard")


def check_queue() -> None:
    """Raises the queue's own error when it is unavailable."""
    import_string(settings.WAKEUP_TASK).huey.pending_count()


def pending_count() -> int:
    """Returns the number of unprocessed messages; 0 when the queue is unavailable."""
    try:
        return int(import_string(settings.WAKEUP_TASK).huey.pending_count())
    except Exception:
        log.warning("The queue is unavailable", exc_info=True)
        return 0
