"""A worker: claim a job, render its picture, store the files, complete. One image at a time.

Every write is fenced by the claim. Whatever kills the worker between two steps leaves a job whose lease runs out, and files
that a Leftover row remembers.
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

RAW_GONE = ("raw-missing", "The received file is not in storage any more. Send it again.")
ALREADY_THERE = (states.DUPLICATE, "The same picture is in the album already.")
KEPT_ALREADY = (states.DUPLICATE, "The same file is kept in the album already, under the same name.")
STORAGE = ("storage", "The server could not read or write its storage.")
NO_ROOM = ("disk-full", "There was no room to store the picture. It is tried again until there is.")
INTERNAL = (
    "internal",
    "Something unexpected went wrong on the server; its log says more.",
)

DRAINED = "This worker is drained: others develop what waits."
STILL_TO_COME = ("still-to-come", "It waits for the photo that it moves with.")

PAUSE_SECONDS = 1.0
"""How long one bell waits. Not longer: the sweep waits behind it, and so does who wants to end the worker."""

_current: ProcessingJob | None = None
_pause_reason: str | None = None


class _StillToCome(Exception):
    """A Live video before its photo."""


def develop_next() -> bool:
    """Do the next due job, if there is one. Never raises for what is wrong with a file: that is the job's to tell.

    While the server is short of something, wait a moment and pass the bell on: work goes on by itself when that ends.
    """
    _stop_at_exit()
    if shortage := admission.of_work():
        shared_sandbox.sandbox().rest()
        pause(shortage.work)
        return False
    unpause()
    job = jobs.claim_next(name())
    if job is None:
        return False
    failpoints.reach(Point.CLAIMED)
    with _at_work_on(job):
        is_done = _develop(job)
    workers.count_one()
    if not is_done:  # after the heartbeat, which kills the picture when the claim is gone, as it is now
        failure_preview.make(job, shared_sandbox.sandbox())
    return True


def rest_if_drained() -> bool:
    """Was this worker asked to begin nothing more? Then the bell is for others."""
    if not workers.is_drained(name()):
        return False
    shared_sandbox.sandbox().rest()
    pause(DRAINED)
    return True


def pause(why: str) -> None:
    """Hold a bell for a moment and pass it on, if anything is due. As many bells as before ring when it is over."""
    global _pause_reason
    due = ProcessingJob.objects.due().values_list("pk", flat=True).first()
    if due is None:
        return
    if why != _pause_reason:
        log.warning("Nothing is developed now. %s", why)
        _pause_reason = why
    time.sleep(PAUSE_SECONDS)
    wakeup.ring(due)


def unpause() -> None:
    global _pause_reason
    if _pause_reason:
        log.warning("Developing goes on.")
        _pause_reason = None


def stop() -> None:
    """End the running picture and hand its job back, so that no one has to wait for its lease to run out."""
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
    """False when nothing came of it, for whatever reason."""
    try:
        _render_and_publish(job)
        return True
    except jobs.Stale:
        log.info("Job %s was cancelled or rescued while it was in work; nothing of it is kept", job.pk)
    except Aborted:
        jobs.release(job)  # shutting down; or the claim is lost, and then this changes nothing
    except _StillToCome:
        jobs.postpone(job, *STILL_TO_COME, seconds=backoff.STILL_SECONDS)
    except TimedOut as late:
        jobs.fail(job, late.code, late.message, permanent=job.error_code == late.code)
    except Crashed as crash:
        jobs.fail(job, crash.code, crash.message, permanent=False, at_last=jobs.QUARANTINED)
    except DiskFull:
        jobs.postpone(job, *NO_ROOM, seconds=backoff.NO_ROOM_SECONDS)
    except Refused as refused:
        jobs.fail(job, refused.code, refused.message, permanent=refused.permanent)
    except FileNotFoundError:
        jobs.fail(job, *RAW_GONE, permanent=False)  # it may come back: a disk that is not mounted, a folder moved
    except IntegrityError as error:
        _blame_rows(job, error)
    except OSError as error:
        _blame_storage(job, error)
    except Exception:
        log.exception("Job %s: unexpected trouble", job.pk)
        jobs.fail(job, *INTERNAL, permanent=False)
    return False


def _blame_rows(job: ProcessingJob, error: IntegrityError) -> None:
    """Two files of an album may be published with the same bytes; any other refusal of the database is a fault of ours."""
    if constraints.is_broken(error, Photo, "photo_once_in_album"):
        jobs.fail(job, *ALREADY_THERE, permanent=True)
    elif constraints.is_broken(error, Companion, "companion_once_in_album"):
        jobs.fail(job, *KEPT_ALREADY, permanent=True)
    else:
        log.exception("Job %s: the database refused its rows", job.pk)
        jobs.fail(job, *INTERNAL, permanent=False)


def _blame_storage(job: ProcessingJob, error: OSError) -> None:
    if error.errno in admission.NO_ROOM:
        jobs.postpone(job, *NO_ROOM, seconds=backoff.NO_ROOM_SECONDS)
    elif isinstance(error, StorageTrouble):
        log.warning("Job %s: %s", job.pk, error)
        jobs.fail(job, error.code, error.message, permanent=error.permanent)
    else:
        log.exception("Job %s: storage trouble", job.pk)
        jobs.fail(job, *STORAGE, permanent=False)


def _render_and_publish(job: ProcessingJob) -> None:
    assert job.claim is not None
    with store().borrow(job.raw_path) as raw, store().scratch(job.claim.hex) as work:
        shared_sandbox.serve_owner_of(job.album_id)
        try:
            picture = shared_sandbox.sandbox().develop(
                raw, work, photo_builder.origin(job), is_damaged=job.publish_damaged
            )
        except Refused as refused:
            _keep(job, _companion(job, raw, refused))
            return
        photo, renditions, files = photo_builder.rows(job, picture)
        _store(job, photo.original_key, files)
        jobs.complete(job, photo, renditions, likeness.look(photo, picture.likeness))


def _companion(job: ProcessingJob, raw: Path, refused: Refused) -> Companion:
    """What is no picture, but belongs to one. Raises what was refused when it belongs to none."""
    if refused.code == Sidecar.code:
        ending = takeout_names.ENDING if takeout_names.is_sidecar(job.original_filename) else ".xmp"
        return photo_builder.companion(job, Companion.Kind.SIDECAR, ending, shared_sandbox.sandbox().words(raw))
    if refused.code != UnsupportedVideo.code or not _is_live(raw):
        raise refused
    if grouping.has_still(Sent.job(job)):
        return photo_builder.companion(job, Companion.Kind.MOTION, ".mov")
    if grouping.is_still_to_come(job):
        raise _StillToCome
    raise refused


def _is_live(raw: Path) -> bool:
    """ISO/IEC 14496-12: phones write their Live videos as such files, and no others."""
    with raw.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _keep(job: ProcessingJob, companion: Companion) -> None:
    _store(job, companion.key, {})
    try:
        jobs.keep(job, companion)
    except grouping.StillMissing:
        raise UnsupportedVideo("QuickTime") from None


def _store(job: ProcessingJob, key: str, files: dict[str, Path]) -> None:
    """The raw file as this key, and what was made of it; noted first, so that nothing of it can be lost track of."""
    with transaction.atomic():
        Leftover.note([key, *files], hold=job.claim)
        if not jobs.renew(job):  # the sweep may have cleared these keys already: a late write would be nobody's
            raise jobs.Stale
    store().adopt(files)
    store().keep(job.raw_path, key)
    failpoints.reach(Point.BEFORE_PHOTO)


@contextmanager
def _at_work_on(job: ProcessingJob) -> Iterator[None]:
    """Renew the job's lease while the block runs; kill the picture when the claim is lost."""
    global _current
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(job, done), name="heartbeat", daemon=True)
    _current = job
    heart.start()
    try:
        yield
    finally:
        _current = None
        done.set()
        heart.join()


def _beat(job: ProcessingJob, done: threading.Event) -> None:
    try:
        while not done.wait(settings.LEASE_SECONDS / 4):
            if not _is_held(job):
                shared_sandbox.sandbox().kill()
                return
    finally:
        connection.close()


def _is_held(job: ProcessingJob) -> bool:
    """A database that is locked or away is asked again at the next beat: the claim may well be ours still."""
    try:
        return jobs.renew(job)
    except DatabaseError:
        log.warning("Job %s: the database did not answer its heartbeat", job.pk, exc_info=True)
        connection.close()
        return True
