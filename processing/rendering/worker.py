"""The worker: claims a job, renders its picture, stores the files and completes the job. One picture at a time.

The claim is the fence token of every write. A worker that is killed between two steps leaves a job whose lease expires, and files
that are recorded in Leftover rows.
"""

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from albums import likeness
from albums.models import Companion, Leftover, Photo
from processing import jobs
from processing.capacity import admission
from processing.jobs import grouping, takeout_names, wakeup, workers
from processing.jobs.name_matching import Sent
from processing.lib import backoff, constraints, failpoints
from processing.lib.failpoints import Point
from processing.models import ProcessingJob, states
from processing.pipeline import Refused
from processing.pipeline.errors import DiskFull, Sidecar, UnsupportedVideo
from processing.rendering import failure_preview, photo_builder, shared_sandbox
from processing.rendering.sandbox import Aborted, Crashed, TimedOut
from processing.storage import store
from processing.storage.errors import StorageTrouble

log = logging.getLogger(__name__)

RAW_MISSING = ("raw-missing", "The received file is not in storage any more. Send it again.")
DUPLICATE_PHOTO = (states.DUPLICATE, "The same picture is in the album already.")
DUPLICATE_COMPANION = (states.DUPLICATE, "The same file is kept in the album already, under the same name.")
STORAGE = ("storage", "The server could not read or write its storage.")
NO_ROOM = ("disk-full", "There was no room to store the picture. It is tried again until there is.")
INTERNAL = (
    "internal",
    "Something unexpected went wrong on the server; its log says more.",
)

DRAINED = "This worker is drained: others develop what waits."
STILL_TO_COME = ("still-to-come", "It waits for the photo that it moves with.")

PAUSE_SECONDS = 1.0
"""How long a wake-up message is held. The sweep and the worker's shutdown wait for it, so it must be short."""

_current: ProcessingJob | None = None
_pause_reason: str | None = None


class _StillToCome(Exception):
    """A Live video was processed before its photo arrived."""


def develop_next() -> bool:
    """Processes the next due job, if any. Returns whether there was one. Never raises for a faulty file: the job fails instead.

    While the server is short of a resource, waits for PAUSE_SECONDS and sends the message again, so that work resumes
    automatically.
    """
    _stop_at_exit()
    if shortage := admission.of_work():
        shared_sandbox.sandbox().rest()
        pause(shortage.work)
        return False
    unpause()
    job = jobs.claim_next(name(), shared_sandbox.preferred_owner())
    if job is None:
        return False
    failpoints.reach(Point.CLAIMED)
    with _heartbeat_for(job):
        is_done = _develop(job)
    workers.count_one()
    if not is_done:  # after the heartbeat has ended: it kills the child process when the claim is gone, as it is now
        failure_preview.make(job, shared_sandbox.sandbox())
    return True


def rest_if_drained() -> bool:
    """If this worker is drained, frees its sandbox, passes the message on to other workers and returns True."""
    if not workers.is_drained(name()):
        return False
    shared_sandbox.sandbox().rest()
    pause(DRAINED)
    return True


def pause(reason: str) -> None:
    """Waits for PAUSE_SECONDS and sends the wake-up message again, if a job is due. The number of messages stays the same."""
    global _pause_reason
    job_id = ProcessingJob.objects.due().values_list("pk", flat=True).first()
    if job_id is None:
        return
    if reason != _pause_reason:
        log.warning("Nothing is developed now. %s", reason)
        _pause_reason = reason
    time.sleep(PAUSE_SECONDS)
    wakeup.ring(job_id)


def unpause() -> None:
    global _pause_reason
    if _pause_reason:
        log.warning("Developing goes on.")
        _pause_reason = None


def stop() -> None:
    """Stops the current picture and returns its job to the queue, so that the job need not wait for its lease to expire."""
    shared_sandbox.close()
    if job := _current:
        jobs.release(job)


@cache
def _stop_at_exit() -> None:
    atexit.register(stop)


@cache
def name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _develop(job: ProcessingJob) -> bool:
    """Processes the job. Returns False when it produced no photo or companion."""
    try:
        _render_and_publish(job)
        return True
    except jobs.Stale:
        log.info("Job %s was cancelled or rescued while it was processed; its result is discarded", job.pk)
    except Aborted:
        jobs.release(job)  # the worker shuts down, or the claim is lost and this changes nothing
    except _StillToCome:
        jobs.postpone(job, *STILL_TO_COME, seconds=backoff.STILL_SECONDS)
    except TimedOut as error:
        jobs.fail(job, error.code, error.message, permanent=job.error_code == error.code)
    except Crashed as error:
        jobs.fail(job, error.code, error.message, permanent=False, at_last=jobs.QUARANTINED)
    except DiskFull:
        jobs.postpone(job, *NO_ROOM, seconds=backoff.NO_ROOM_SECONDS)
    except Refused as error:
        jobs.fail(job, error.code, error.message, permanent=error.permanent)
    except FileNotFoundError:
        jobs.fail(
            job, *RAW_MISSING, permanent=False
        )  # the file may return: a disk is not mounted, or a folder was moved
    except IntegrityError as error:
        _fail_integrity(job, error)
    except OSError as error:
        _fail_storage(job, error)
    except Exception:
        log.exception("Job %s: unexpected error", job.pk)
        jobs.fail(job, *INTERNAL, permanent=False)
    return False


def _fail_integrity(job: ProcessingJob, error: IntegrityError) -> None:
    """Fails the job as a duplicate if the album already has the same bytes. Any other violated constraint is a bug."""
    if constraints.is_broken(error, Photo, "photo_once_in_album"):
        jobs.fail(job, *DUPLICATE_PHOTO, permanent=True)
    elif constraints.is_broken(error, Companion, "companion_once_in_album"):
        jobs.fail(job, *DUPLICATE_COMPANION, permanent=True)
    else:
        log.exception("Job %s: the database refused its rows", job.pk)
        jobs.fail(job, *INTERNAL, permanent=False)


def _fail_storage(job: ProcessingJob, error: OSError) -> None:
    if error.errno in admission.NO_ROOM:
        jobs.postpone(job, *NO_ROOM, seconds=backoff.NO_ROOM_SECONDS)
    elif isinstance(error, StorageTrouble):
        log.warning("Job %s: %s", job.pk, error)
        jobs.fail(job, error.code, error.message, permanent=error.permanent)
    else:
        log.exception("Job %s: storage error", job.pk)
        jobs.fail(job, *STORAGE, permanent=False)


def _render_and_publish(job: ProcessingJob) -> None:
    assert job.claim is not None
    with store().borrow(job.raw_path) as raw, store().scratch(job.claim.hex) as scratch:
        shared_sandbox.serve_owner_of(job.album_id)
        try:
            picture = shared_sandbox.sandbox().develop(
                raw, scratch, photo_builder.origin(job), is_damaged=job.publish_damaged
            )
        except Refused as error:
            _keep(job, _companion(job, raw, error))
            return
        photo, renditions, files = photo_builder.rows(job, picture)
        _store(job, photo.original_key, files)
        jobs.complete(job, photo, renditions, likeness.look(photo, picture.likeness))


def _companion(job: ProcessingJob, raw: Path, error: Refused) -> Companion:
    """Returns the companion row for a sidecar or Live video. Raises `error` for any other file that is not a picture."""
    if error.code == Sidecar.code:
        ending = takeout_names.ENDING if takeout_names.is_sidecar(job.original_filename) else ".xmp"
        return photo_builder.companion(job, Companion.Kind.SIDECAR, ending, shared_sandbox.sandbox().words(raw))
    if error.code != UnsupportedVideo.code or not _is_live(raw):
        raise error
    if grouping.has_still(Sent.job(job)):
        return photo_builder.companion(job, Companion.Kind.MOTION, ".mov")
    if grouping.is_still_to_come(job):
        raise _StillToCome
    raise error


def _is_live(raw: Path) -> bool:
    """True for a file of ISO/IEC 14496-12, the only format in which phones write Live videos."""
    with raw.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _keep(job: ProcessingJob, companion: Companion) -> None:
    _store(job, companion.key, {})
    try:
        jobs.keep(job, companion)
    except grouping.StillMissing:
        raise UnsupportedVideo("QuickTime") from None


def _store(job: ProcessingJob, key: str, files: dict[str, Path]) -> None:
    """Stores the raw file under `key`, and the rendered files. Records all keys as leftovers before it writes any file."""
    with transaction.atomic():
        Leftover.note([key, *files], hold=job.claim)
        if not jobs.renew(job):  # the sweep may have deleted these keys already: a late write would be an orphan
            raise jobs.Stale
    store().adopt(files)
    store().keep(job.raw_path, key)
    failpoints.reach(Point.BEFORE_PHOTO)


@contextmanager
def _heartbeat_for(job: ProcessingJob) -> Iterator[None]:
    """Renews the job's lease in a thread while the block runs. Kills the child process when the claim is lost."""
    global _current
    stopped = threading.Event()
    thread = threading.Thread(target=_heartbeat, args=(job, stopped), name="heartbeat", daemon=True)
    _current = job
    thread.start()
    try:
        yield
    finally:
        _current = None
        stopped.set()
        thread.join()


def _heartbeat(job: ProcessingJob, stopped: threading.Event) -> None:
    try:
        while not stopped.wait(settings.LEASE_SECONDS / 4):
            if not _is_held(job):
                shared_sandbox.sandbox().kill()
                return
    finally:
        connection.close()


def _is_held(job: ProcessingJob) -> bool:
    """Renews the lease; False when the claim is lost. True on a database error: the next heartbeat tries again."""
    try:
        return jobs.renew(job)
    except DatabaseError:
        log.warning("Job %s: the heartbeat could not be written to the database", job.pk, exc_info=True)
        connection.close()
        return True
