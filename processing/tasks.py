"""Huey's tasks. Each task makes one call and contains no logic."""

import logging
import threading
import time
import uuid
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import close_old_connections
from django.utils import timezone
from huey.consumer import Scheduler
from huey.contrib.djhuey import db_periodic_task, db_task, on_shutdown, on_startup, task

from albums.operations import engine
from processing.integrity import post_write, scrub, zip_checksums
from processing.jobs import periodic, wakeup, workers
from processing.maintenance import sweep as maintenance_sweep
from processing.rendering import rerender, worker
from processing.statistics import rollups
from processing.uploads.direct import multipart

log = logging.getLogger(__name__)

# Huey's default is 60 seconds.
Scheduler.periodic_task_seconds = max(1, round(settings.SWEEP_SECONDS))

HIGH_PRIORITY = 10
"""The priority of tasks that run before wakeup messages. A sweep behind 500 of those would rescue jobs too late."""

HEARTBEAT_STOP_SECONDS = 5.0

OPERATION_SECONDS = 2.0
"""How long the worker continues an operation before it processes the next photo."""

CLEAR_EXPIRED_SECONDS = 3600

_stopped = threading.Event()
_heartbeat: threading.Thread | None = None


@db_task()
def develop_next(job_id: int) -> None:
    """Processes the next due job. Without one, verifies a stored photo. Without one of these, renders a photo again.

    `job_id` does not matter: the message only notifies the worker.
    """
    if worker.rest_if_drained():
        return
    if not (worker.develop_next() or post_write.verify_next()):
        rerender.render_next()


@db_task(priority=HIGH_PRIORITY)
def hand_over(upload_id: str) -> None:
    """Completes an upload after its large file has been joined in the bucket."""
    multipart.finish_by_id(uuid.UUID(upload_id))


@db_task()
def continue_operation(operation_id: int) -> None:
    """Continues a user's operation for a while. Then other messages get their turn."""
    if engine.run(operation_id, time.monotonic() + OPERATION_SECONDS):
        wakeup.send_for_operation(operation_id)


@db_task(priority=HIGH_PRIORITY)
def read_for_download(ids: str) -> None:
    """Reads files whose CRC-32 a download needs, for a few seconds."""
    zip_checksums.read_slice(ids)


@db_periodic_task(lambda _: True, priority=HIGH_PRIORITY)
def sweep() -> None:
    """Runs the sweep and the other periodic work.

    It is one task, since the sweep counts waiting messages and would mistake a second one for a wakeup message. Each worker sends
    this message, and only the first worker to receive one in each interval runs the work.
    """
    if not periodic.acquire("sweep", settings.SWEEP_SECONDS):
        return
    maintenance_sweep.sweep(maintenance_sweep.MAX_DELETE_SHARE * settings.SWEEP_SECONDS)
    post_write.verify_slice()
    scrub.step()
    rollups.sample_queue(timezone.now())
    rollups.maintain(timezone.now())
    if periodic.acquire("clear_expired", CLEAR_EXPIRED_SECONDS):
        # By name, since this package may not import config.
        call_command("clear_expired", stdout=StringIO())


@task(priority=HIGH_PRIORITY)
def answer_echo(key: str, until: float) -> None:
    wakeup.reply(key, until)


@on_startup()
def begin() -> None:
    global _heartbeat
    _heartbeat = threading.Thread(
        target=workers.heartbeat_loop, args=(worker.name(), _stopped), name="heartbeat", daemon=True
    )
    _heartbeat.start()
    maintenance_sweep.sweep(maintenance_sweep.MAX_DELETE_SHARE * settings.SWEEP_SECONDS)
    close_old_connections()


@on_shutdown()
def end() -> None:
    _stopped.set()
    worker.stop()
    if _heartbeat:
        # The thread deletes the worker's row at its end. Otherwise the worker would seem alive for a while.
        _heartbeat.join(HEARTBEAT_STOP_SECONDS)
