"""The worker: the whole path of a job from its claim to the photo. One picture at a time.

The functions are in the order of the path: develop_next() claims a job; _process() renders its file and stores the results;
_publish_photo() publishes them, completes the job and groups the photo with the files that belong to it; then come the preview of
a failure and the end of the batch. What is called below this module never calls back into it.

The claim is the fence token of every write. A worker that is killed between two steps leaves a job whose lease expires, and files
that are recorded in Leftover rows.
"""

import atexit
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from albums.models import Companion, Leftover, PerceptualHash, Photo, Rendition
from albums.order import placing
from albums.similar import hashes
from processing import jobs
from processing.capacity import admission
from processing.jobs import batch_completion, grouping, takeout_names, wakeup, workers
from processing.jobs.name_matching import SentFile
from processing.lib import backoff, constraints, failpoints, sql
from processing.lib.failpoints import Point
from processing.models import ProcessingJob, states
from processing.pipeline import ImageRejected
from processing.pipeline.errors import DiskFull, Sidecar, UnsupportedVideo
from processing.rendering import failure_preview, failure_reasons, photo_builder, shared_sandbox
from processing.rendering.failure_reasons import INTERNAL, NO_ROOM
from processing.rendering.sandbox import Aborted, Crashed, TimedOut
from processing.statistics import record
from processing.storage import store

log = logging.getLogger(__name__)

RAW_MISSING = ("raw-missing", "The uploaded file is missing from storage. Upload it again.")
DUPLICATE_PHOTO = (states.DUPLICATE, "Already in this album.")
DUPLICATE_COMPANION = (states.DUPLICATE, "Already stored in this album under the same name.")
DRAINED = "An administrator paused this worker; others continue."
STILL_TO_COME = ("still-to-come", "Waiting for its photo.")

PAUSE_SECONDS = 1.0
"""How long a wake-up message is held. The sweep and the worker's shutdown wait for it, so it must be short."""


@dataclass(slots=True)
class _Status:
    """What this process is doing. Only the worker's thread writes it; stop() may run in another thread, and reads `job`."""

    job: ProcessingJob | None = None
    pause_reason: str = ""


_status = _Status()
"""One for the process, like its sandbox (shared_sandbox.py): Huey runs one worker thread per process (config/huey.py)."""


class _StillToCome(Exception):
    """A Live video was processed before its photo arrived."""


def develop_next() -> bool:
    """Processes the next due job, if any. Returns whether there was one. Never raises for a faulty file: the job fails instead.

    While the server is short of a resource, waits for PAUSE_SECONDS and sends the message again, so that work resumes
    automatically.
    """
    _stop_at_exit()
    if shortage := admission.for_worker():
        shared_sandbox.sandbox().rest()
        pause(shortage.worker_message)
        return False
    resume()
    job = jobs.claim_next(name(), shared_sandbox.preferred_owner())
    if job is None:
        return False
    failpoints.reach(Point.CLAIMED)
    with _heartbeat_for(job):
        is_published = _attempt(job)
    workers.count_processed()
    if not is_published:  # after the heartbeat, which kills the child process when the claim is gone, as it is now
        failure_preview.make(job, shared_sandbox.sandbox())
    failpoints.reach(Point.BEFORE_BATCH_END)
    batch_completion.try_to_finish(job.batch_id)
    return True


def _attempt(job: ProcessingJob) -> bool:
    """Processes the job. Returns False when it produced no photo or companion."""
    try:
        _process(job)
        return True
    except jobs.ClaimLost:
        log.info("Job %s was cancelled or recovered during processing; its result is discarded", job.pk)
    except Aborted:
        jobs.release(job)  # the worker shuts down, or the claim is lost and this changes nothing
    except _StillToCome:
        jobs.postpone(job, *STILL_TO_COME, seconds=backoff.STILL_SECONDS)
    except TimedOut as error:
        jobs.fail(job, error.code, error.message, permanent=job.error_code == error.code)
    except Crashed as error:
        jobs.fail(job, error.code, error.message, permanent=False, final_message=jobs.QUARANTINED)
    except FileNotFoundError:  # the file may return: a disk is not mounted, or a folder was moved
        jobs.fail(job, *RAW_MISSING, permanent=False)
    except IntegrityError as error:
        _fail_integrity(job, error)
    except Exception as error:  # noqa: BLE001 - the reason is logged and stored
        _fail(job, error)
    return False


def _process(job: ProcessingJob) -> None:
    """Renders the job's file and publishes the photo or companion. Raises the reason if it cannot."""
    assert job.claim is not None
    with store().open_local(job.raw_path) as raw, store().scratch(job.claim.hex) as scratch:
        shared_sandbox.serve_owner_of(job.album_id)
        try:
            picture = shared_sandbox.sandbox().develop(
                raw, scratch, photo_builder.origin(job), is_damaged=job.publish_damaged
            )
        except ImageRejected as error:
            companion = _companion(job, raw, error)
            _store(job, companion.key, {})
            _publish_companion(job, companion)
            return
        photo, renditions, files = photo_builder.rows(job, picture)
        _store(job, photo.original_key, files)
        _publish_photo(job, photo, renditions, hashes.build_hash(photo, picture.perceptual_hash))


def _companion(job: ProcessingJob, raw: Path, error: ImageRejected) -> Companion:
    """Returns the companion row for a sidecar or Live video. Raises `error` for any other file that is not a picture."""
    if error.code == Sidecar.code:
        ending = takeout_names.ENDING if takeout_names.is_sidecar(job.original_filename) else ".xmp"
        return photo_builder.companion(
            job, Companion.Kind.SIDECAR, ending, shared_sandbox.sandbox().sidecar_metadata(raw)
        )
    if error.code != UnsupportedVideo.code or not _is_live(raw):
        raise error
    if grouping.has_still(SentFile.job(job)):
        return photo_builder.companion(job, Companion.Kind.MOTION, ".mov")
    if grouping.is_still_to_come(job):
        raise _StillToCome
    raise error


def _is_live(raw: Path) -> bool:
    """True for a file of ISO/IEC 14496-12, the only format of phones' Live videos."""
    with raw.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _store(job: ProcessingJob, key: str, files: dict[str, Path]) -> None:
    """Stores the raw file under `key`, and the rendered files. Records all keys as leftovers before it writes any file."""
    with transaction.atomic():
        Leftover.note([key, *files], hold=job.claim)
        if not jobs.renew(job):  # the sweep may have deleted these keys already: a late write would be an orphan
            raise jobs.ClaimLost
    store().move_in(files)
    store().copy_or_link(job.raw_path, key)
    failpoints.reach(Point.BEFORE_PHOTO)


def _publish_photo(
    job: ProcessingJob, photo: Photo, renditions: list[Rendition], perceptual_hash: PerceptualHash | None
) -> None:
    """Publishes the photo, completes the job and groups the photo with its siblings: all in one transaction, or nothing.

    The album's lock makes workers that publish files of one group take turns: neither would see the other's uncommitted rows.
    Raises ClaimLost when the claim is lost.
    """
    with transaction.atomic():
        sql.lock_album(job.album_id, no_key=True)
        jobs.complete(job, photo, renditions, perceptual_hash)
        if grouping.has_siblings(job):
            grouping.link_group(job)
            grouping.resume_videos(job, photo)
        placing.place(job.album_id, [photo.pk])


def _publish_companion(job: ProcessingJob, companion: Companion) -> None:
    """Like _publish_photo(), for a companion. Raises UnsupportedVideo for a Live video whose photo has just been deleted."""
    with transaction.atomic():
        sql.lock_album(job.album_id, no_key=True)
        jobs.complete_companion(job, companion)
        if grouping.has_siblings(job):
            grouping.link_group(job)
        if grouping.has_lost_still(job, companion):
            raise UnsupportedVideo("QuickTime")
        if companion.photo_id:  # a sidecar may have set the date or the rating
            placing.place(job.album_id, [companion.photo_id])


def _fail_integrity(job: ProcessingJob, error: IntegrityError) -> None:
    """Fails the job as a duplicate if the album already has the same bytes. Any other violated constraint is a bug."""
    if constraints.is_broken(error, Photo, "photo_once_in_album"):
        jobs.fail(job, *DUPLICATE_PHOTO, permanent=True)
    elif constraints.is_broken(error, Companion, "companion_once_in_album"):
        jobs.fail(job, *DUPLICATE_COMPANION, permanent=True)
    else:
        log.exception("Job %s: the database rejected its rows", job.pk)
        jobs.fail(job, *INTERNAL, permanent=False)


def _fail(job: ProcessingJob, error: Exception) -> None:
    """Fails the job for any other reason. It is postponed if the disk is full, for which the file is not at fault."""
    if isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in admission.NO_ROOM):
        jobs.postpone(job, *NO_ROOM, seconds=backoff.NO_ROOM_SECONDS)
        return
    reason = failure_reasons.describe(error, f"Job {job.pk}")
    jobs.fail(job, reason.code, reason.message, permanent=reason.is_permanent)


@contextmanager
def _heartbeat_for(job: ProcessingJob) -> Iterator[None]:
    """Renews the job's lease in a thread while the block runs. Kills the child process when the claim is lost."""
    stopped = threading.Event()
    thread = threading.Thread(target=_heartbeat, args=(job, stopped), name="heartbeat", daemon=True)
    _status.job = job
    thread.start()
    try:
        yield
    finally:
        _status.job = None
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
        log.warning("Job %s: can't write the heartbeat to the database", job.pk, exc_info=True)
        connection.close()
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
    job_id = ProcessingJob.objects.due().values_list("pk", flat=True).first()
    if job_id is None:
        return
    if reason != _status.pause_reason:
        log.warning("Processing is paused. %s", reason)
        _status.pause_reason = reason
    time.sleep(PAUSE_SECONDS)
    wakeup.send(job_id)


def resume() -> None:
    if _status.pause_reason:
        log.warning("Processing resumed.")
        _status.pause_reason = ""


def stop() -> None:
    """Stops the current picture and returns its job to the queue, so that the job need not wait for its lease to expire."""
    shared_sandbox.close()
    if job := _status.job:
        jobs.release(job)


@cache
def name() -> str:
    return record.process()


@cache
def _stop_at_exit() -> None:
    atexit.register(stop)
