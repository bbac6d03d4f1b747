"""The only writer of ProcessingJob.state: one function per edge, each a guarded UPDATE that also writes its event.

Zero updated rows mean that another process changed the job first. Nothing has changed then and the caller must do nothing:
the functions return False; complete() and complete_companion() raise ClaimLost, so that the whole transaction is rolled back.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.template.defaultfilters import pluralize
from django.utils import timezone

from albums import removal
from albums.models import Companion, Leftover, PerceptualHash, Photo, Rendition
from processing.jobs import batch_completion, claims, name_matching, wakeup
from processing.jobs.claims import NO_CLAIM
from processing.lib import sql
from processing.models import JobEvent, JobQuerySet, Preview, ProcessingJob, Upload, states
from processing.models.states import Edge, JobState
from processing.statistics import record

NO_ERROR: dict[str, Any] = {"error_code": "", "error_message": ""}
QUARANTINED = (
    "{message} Gave up after {attempts}: this file probably causes the problem. Save it with another program and upload that, "
    "or ask your administrator to check the server log."
)
"""The final message for a file that repeatedly crashed its worker or the decoding process."""

MAX_TURNS_AHEAD = 6
"""Bounds the jobs among which a preferred owner's is searched."""
TURNS = """
    SELECT (SELECT turn FROM processing_processingjob WHERE state = 'pending' ORDER BY turn LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE state = 'processing' ORDER BY turn LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE album_id = %(album)s AND state = 'pending'
            ORDER BY turn DESC LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE album_id = %(album)s AND state = 'processing'
            ORDER BY turn DESC LIMIT 1)
"""
"""The first turn of each active state, and the album's last turn in each. Every subquery reads one index entry.

A minimum over both states would read every pending job.
"""


class ClaimLost(Exception):
    """The claim is lost: the job was cancelled, rescued, or taken by another worker."""


def create(upload: Upload) -> ProcessingJob:
    """Returns a new job for the upload. Must be called in the transaction that marks the upload as received."""
    job = ProcessingJob.objects.create(
        upload=upload,
        batch_id=upload.batch_id,
        album_id=upload.album_id,
        original_filename=upload.name,
        stem=name_matching.stem(upload.name),
        raw_path=upload.key,
        turn=_next_turn(upload.album_id),
    )
    JobEvent.objects.create(job=job, edge="create")
    wakeup.send_after_commit(job.pk)
    return job


def claim_next(worker: str, owner: int | None = None) -> ProcessingJob | None:
    """Claims and returns the next due job, in order of turn; None when no job is due.

    Prefers a job of `owner` whose turn is less than MAX_TURNS_AHEAD behind it.
    """
    due = ProcessingJob.objects.due()
    if not due.exists():  # checked before the transaction, which would wait for SQLite's one writer for nothing
        return None
    with transaction.atomic():
        job = claims.lock_first(due, "upload", "album")
        if job and owner and job.album.owner_id != owner:
            preferred = due.filter(album__owner=owner, turn__lt=job.turn + MAX_TURNS_AHEAD)
            job = claims.lock_first(preferred, "upload", "album") or job
        return job if job and _claim(job, worker) else None


def renew(job: ProcessingJob) -> bool:
    """Extends the lease. Writes no event."""
    lease_until = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    return bool(_claimed_rows(job).filter(state=JobState.PROCESSING).update(lease_until=lease_until))


def complete(
    job: ProcessingJob, photo: Photo, renditions: Iterable[Rendition], perceptual_hash: PerceptualHash | None = None
) -> None:
    """Publishes the photo and completes the job: both or neither. Raises ClaimLost when the claim is lost."""
    with transaction.atomic():
        photo.save()
        Rendition.objects.bulk_create(renditions)
        if perceptual_hash:
            perceptual_hash.save(force_insert=True)
        _complete(job, photo=photo)


def complete_companion(job: ProcessingJob, companion: Companion) -> None:
    """Like `complete`, for a companion file."""
    with transaction.atomic():
        companion.save(force_insert=True)
        _complete(job, companion=companion)


def fail(
    job: ProcessingJob,
    code: str,
    message: str,
    *,
    permanent: bool,
    final_message: str = "{message} Gave up after {attempts}.",
    expired: bool = False,
) -> bool:
    """Retries with backoff while attempts remain; fails when none remain or the error is permanent.

    `final_message`: the message when no attempts remain.
    `expired`: only act if the lease has expired. The sweep sets it; the worker that holds the claim does not.
    """
    if permanent:
        return give_up(job, code, message, expired=expired)
    if claims.are_attempts_spent(job):
        attempts = f"{job.attempts} attempt{pluralize(job.attempts)}"
        return give_up(job, code, final_message.format(message=message, attempts=attempts), expired=expired)
    return retry(job, code, message, expired=expired)


def retry(job: ProcessingJob, code: str, message: str, *, expired: bool = False) -> bool:
    """Schedules another attempt behind the album's other photos, so that repeated failures never delay new jobs."""
    turn = _next_turn(job.album_id)
    return _reschedule(job, claims.retry_delay(job), turn=turn, expired=expired, **_error(code, message))


def postpone(job: ProcessingJob, code: str, message: str, *, seconds: float) -> bool:
    """Schedules another attempt without counting this one: the file did not cause the failure."""
    return _reschedule(job, seconds, attempts=F("attempts") - 1, **_error(code, message))


def give_up(job: ProcessingJob, code: str, message: str, *, expired: bool = False) -> bool:
    """Marks the job as failed until a user acts. Its raw file is kept, and the job no longer locks its album."""
    changes: dict[str, Any] = {"finished_at": timezone.now(), **_error(code, message)}
    return _move(job, states.GIVE_UP, expired=expired, **changes, **NO_CLAIM)


def release(job: ProcessingJob) -> bool:
    """Returns the job to the queue when its worker shuts down. The attempt does not count."""
    with transaction.atomic():
        moved = _move(job, states.RELEASE, attempts=F("attempts") - 1, **NO_CLAIM)
        if moved:
            wakeup.send_after_commit(job.pk)
    return moved


def requeue(job: ProcessingJob, by: str = "", *, publish_damaged: bool = False) -> bool:
    """Restarts a failed job with all its attempts.

    `publish_damaged`: publish the photo even if only part of it can be decoded.
    """
    with transaction.atomic():
        turn = _next_turn(job.album_id)
        changes: dict[str, Any] = {"attempts": 0, "turn": turn, "run_after": timezone.now(), "finished_at": None}
        changes["publish_damaged"] = publish_damaged
        moved = _move(job, states.REQUEUE, by=by, **changes, **NO_ERROR)
        if moved:
            Preview.objects.filter(job=job.pk).delete()
            wakeup.send_after_commit(job.pk)
    return moved


def cancel(job: ProcessingJob, by: str = "") -> bool:
    """Cancels a pending or processing job and deletes its raw file. A worker that is processing it loses its claim."""
    return _drop(job, states.CANCEL, by)


def dismiss(job: ProcessingJob, by: str = "") -> bool:
    """Dismisses a failed job and deletes its raw file."""
    return _drop(job, states.DISMISS, by)


def make_due(job: ProcessingJob) -> None:
    """Ends the wait of a pending job."""
    ProcessingJob.objects.filter(pk=job.pk, state=JobState.PENDING).update(run_after=timezone.now())
    wakeup.send_after_commit(job.pk)


def _complete(job: ProcessingJob, **published: Any) -> None:
    Leftover.objects.filter(hold=job.claim).delete()
    if not _move(job, states.COMPLETE, finished_at=timezone.now(), **published, **NO_ERROR, **NO_CLAIM):
        raise ClaimLost
    removal.clear_after_commit([job.raw_path])
    wakeup.send_after_commit(wakeup.NO_JOB)  # for the post-write verification


def _reschedule(job: ProcessingJob, delay: float, **changes: Any) -> bool:
    with transaction.atomic():
        run_after = timezone.now() + timedelta(seconds=delay)
        moved = _move(job, states.RETRY, run_after=run_after, **changes, **NO_CLAIM)
        if moved:
            wakeup.send_after_commit(job.pk, delay)
    return moved


def _drop(job: ProcessingJob, edge: Edge, by: str) -> bool:
    with transaction.atomic():
        moved = _move(job, edge, by=by, finished_at=timezone.now(), **NO_CLAIM)
        if moved:
            Preview.objects.filter(job=job.pk).delete()
            removal.clear_after_commit([job.raw_path])
            if edge == states.CANCEL:
                batch_completion.finish_after_commit(job.batch_id)
    return moved


def _move(job: ProcessingJob, edge: Edge, *, by: str = "", expired: bool = False, **changes: Any) -> bool:
    """Runs the guarded UPDATE: only from one of the edge's source states and, if the edge requires it, only with the claim."""
    rows = _claimed_rows(job) if edge.held else ProcessingJob.objects.filter(pk=job.pk)
    if expired:
        rows = rows.lost()
    with transaction.atomic():
        if not rows.filter(state__in=edge.sources).update(state=edge.target, updated_at=timezone.now(), **changes):
            return False
        attempt = _attempt(job, edge, changes.get("attempts"))
        JobEvent.objects.create(
            job_id=job.pk,
            edge=edge.name,
            attempt=attempt,
            code=changes.get("error_code", ""),
            detail=changes.get("error_message", ""),
            by=by or job.worker,
        )
        record.job_moved(job, edge, changes.get("error_code", ""))
    return True


def _claim(job: ProcessingJob, worker: str) -> bool:
    """Claims the job. Its row is locked, so `job` is current and can be updated in memory without reading it again."""
    now = timezone.now()
    changes: dict[str, Any] = {"worker": worker, "attempts": job.attempts + 1, "started_at": now, "finished_at": None}
    changes |= claims.new(now, settings.LEASE_SECONDS)
    if not _move(job, states.CLAIM, by=worker, **changes):
        return False
    for name, value in {"state": states.CLAIM.target, **changes}.items():
        setattr(job, name, value)
    return True


def _attempt(job: ProcessingJob, edge: Edge, attempts: object) -> int:
    """Returns the attempt number for the event.

    The worker that holds the claim uses `job.attempts`, since no other process changes the row. Other transitions read it from
    the database.
    """
    if isinstance(attempts, int):
        return attempts
    if edge.held and attempts is None:
        return job.attempts
    return ProcessingJob.objects.values_list("attempts", flat=True).get(pk=job.pk)


def _claimed_rows(job: ProcessingJob) -> JobQuerySet:
    return cast(JobQuerySet, claims.held(ProcessingJob.objects.all(), job))


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "error_message": message}


def _next_turn(album_id: int) -> int:
    *queue_turns, last_pending, last_processing = sql.one_row(TURNS, album=album_id)
    return claims.next_turn(queue_turns, (last_pending, last_processing))
