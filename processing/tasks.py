"""What Huey runs. No logic: each task makes one call."""

import logging
import threading
import uuid
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import close_old_connections
from huey.consumer import Scheduler
from huey.contrib.djhuey import db_periodic_task, db_task, on_shutdown, on_startup, task

from processing.integrity import post_write, scrub
from processing.jobs import periodic, wakeup, workers
from processing.maintenance import sweep as recovery
from processing.rendering import rerender, worker
from processing.uploads.direct import multipart

log = logging.getLogger(__name__)

# Huey asks for periodic tasks once a minute; here as often as the setting says.
Scheduler.periodic_task_seconds = max(1, round(settings.SWEEP_SECONDS))

BEFORE_BELLS = 10
"""A sweep that waited behind 500 bells would rescue nobody."""

GOODBYE_SECONDS = 5.0

EXPIRED_SECONDS = 3600

_stopped = threading.Event()
_pulse: threading.Thread | None = None


@db_task()
def develop_next(job_id: int) -> None:
    """Answer a bell: do whatever job is next, or else read a stored photo back, or else render one again.

    Which one rang does not matter.
    """
    if worker.rest_if_drained():
        return
    if not (worker.develop_next() or post_write.prove_next()):
        rerender.render_next()


@db_task(priority=BEFORE_BELLS)
def hand_over(upload_id: str) -> None:
    """A large file is whole in the bucket."""
    multipart.hand_over_by_id(uuid.UUID(upload_id))


@db_periodic_task(lambda _: True, priority=BEFORE_BELLS)
def sweep() -> None:
    """One message for all: the sweep counts those that wait, and a second one would look to it like a bell.

    Each worker sends one, and who hears the first does what is in it for all.
    """
    if not periodic.is_mine("sweep", settings.SWEEP_SECONDS):
        return
    recovery.sweep(recovery.SHARE * settings.SWEEP_SECONDS)
    post_write.prove_some()
    scrub.step()
    if periodic.is_mine("clear_expired", EXPIRED_SECONDS):
        call_command("clear_expired", stdout=StringIO())  # of accounts, which are above this package


@task(priority=BEFORE_BELLS)
def answer_echo(key: str, until: float) -> None:
    wakeup.answer(key, until)


@on_startup()
def begin() -> None:
    global _pulse
    _pulse = threading.Thread(target=workers.keep, args=(worker.name(), _stopped), name="pulse", daemon=True)
    _pulse.start()
    recovery.sweep(recovery.SHARE * settings.SWEEP_SECONDS)
    close_old_connections()


@on_shutdown()
def end() -> None:
    _stopped.set()
    worker.stop()
    if _pulse:  # its goodbye; cut off, the worker would seem alive for a while
        _pulse.join(GOODBYE_SECONDS)
