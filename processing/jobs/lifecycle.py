"""The only writer of ProcessingJob.state: one function per edge, each a guarded UPDATE that also writes its event.

Zero updated rows mean that another process changed the job first. Nothing has changed then and the caller must do nothing:
the functions return False, and complete() raises Stale so that its whole transaction is rolled back.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from albums import removal
from albums.models import Album, Companion, Leftover, Look, Photo, Rendition
from processing.jobs import grouping, name_matching, wakeup
from processing.jobs.name_matching import Sent
from processing.lib import backoff, sql
from processing.models import JobEvent, JobQuerySet, Preview, ProcessingJob, Upload, states
from processing.models.states import Edge, JobState

NO_CLAIM: dict[str, Any] = {"claim": None, "lease_until": None}
NO_ERROR: dict[str, Any] = {"error_code": "", "error_message": ""}
QUARANTINED = (
    "{message} After {attempts} attempts it is set aside, where it holds up nothing: most likely this very file is what stops "
    "the work. Save it anew with another program and send that, or ask whoever runs the server to look into the log."
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


class Stale(Exception):
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
    wakeup.ring_after_commit(job.pk)
    return job


def claim_next(worker: str, owner: int | None = None) -> ProcessingJob | None:
    """Claims and returns the next due job, in order of turn; None when no job is due.

    Prefers a job of `owner` whose turn is less than MAX_TURNS_AHEAD behind it. Workers do not wait for each other: PostgreSQL
    skips the rows that other workers have locked.
    """
    due = ProcessingJob.objects.due()
    if not due.exists():  # checked before the transaction, which would wait for SQLite's one writer for nothing
        return None
    with transaction.atomic():
        # FOR UPDATE, not FOR NO KEY UPDATE: `claim` is unique, and PostgreSQL needs the full lock to change a unique column.
        rows = due.select_for_update(skip_locked=True, of=("self",)).select_related("upload", "album")
        job = rows.first()
        if job and owner and job.album.owner_id != owner:
            job = rows.filter(album__owner=owner, turn__lt=job.turn + MAX_TURNS_AHEAD).first() or job
        return job if job and _claim(job, worker) else None


def renew(job: ProcessingJob) -> bool:
    """Extends the lease. Writes no event."""
    return bool(_claimed_rows(job).filter(state=JobState.PROCESSING).update(lease_until=_lease(timezone.now())))


def complete(job: ProcessingJob, photo: Photo, renditions: Iterable[Rendition], look: Look | None = None) -> None:
    """Publishes the photo and completes the job in one transaction. Raises Stale when the claim is lost."""
    with transaction.atomic():
        _lock_album(job)
        photo.save()
        Rendition.objects.bulk_create(renditions)
        if look:
            look.save(force_insert=True)
        if _complete(job, photo=photo) and photo.format in grouping.SHOWING:
            for sent in Sent.all_of(job):
                _resume_videos(sent)


def keep(job: ProcessingJob, companion: Companion) -> None:
    """Like `complete`, for a companion file. Raises StillMissing for a Live video if its photo has just been deleted."""
    with transaction.atomic():
        _lock_album(job)
        companion.save(force_insert=True)
        _complete(job, companion=companion)
        companion.refresh_from_db(fields=["photo"])
        is_alone = companion.kind == Companion.Kind.MOTION and companion.photo_id is None
        if is_alone and not grouping.has_still(Sent.job(job)):
            raise grouping.StillMissing


def fail(
    job: ProcessingJob,
    code: str,
    message: str,
    *,
    permanent: bool,
    at_last: str = "{message} It was tried {attempts} times.",
    expired: bool = False,
) -> bool:
    """Retries with backoff while attempts remain; gives up when none remain or the error is permanent.

    `at_last`: the message when no attempts remain.
    `expired`: only act if the lease has expired. The sweep sets it; the worker that holds the claim does not.
    """
    if permanent:
        return give_up(job, code, message, expired=expired)
    if job.attempts >= settings.MAX_ATTEMPTS:
        return give_up(job, code, at_last.format(message=message, attempts=job.attempts), expired=expired)
    return retry(job, code, message, expired=expired)


def retry(job: ProcessingJob, code: str, message: str, *, expired: bool = False) -> bool:
    """Schedules another attempt behind the album's other photos, so that repeated failures never delay new jobs."""
    delay = backoff.delay(job.attempts, settings.BACKOFF_BASE_SECONDS, settings.BACKOFF_MAX_SECONDS)
    return _reschedule(job, delay, turn=_next_turn(job.album_id), expired=expired, **_error(code, message))


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
            wakeup.ring_after_commit(job.pk)
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
            wakeup.ring_after_commit(job.pk)
    return moved


def cancel(job: ProcessingJob, by: str = "") -> bool:
    """Cancels a pending or processing job and deletes its raw file. A worker that is processing it loses its claim."""
    return _drop(job, states.CANCEL, by)


def dismiss(job: ProcessingJob, by: str = "") -> bool:
    """Dismisses a failed job and deletes its raw file."""
    return _drop(job, states.DISMISS, by)


def _lock_album(job: ProcessingJob) -> None:
    """Makes workers that publish files of one group take turns: in PostgreSQL neither would see the other's uncommitted row."""
    Album.objects.select_for_update(no_key=True).filter(pk=job.album_id).values_list("pk").first()


def _complete(job: ProcessingJob, **published: Any) -> bool:
    """Completes the job. Returns whether other files belong, or may belong, to its photo or companion."""
    Leftover.objects.filter(hold=job.claim).delete()
    if not _move(job, states.COMPLETE, finished_at=timezone.now(), **published, **NO_ERROR, **NO_CLAIM):
        raise Stale
    if has_siblings := grouping.has_kin(job):
        grouping.settle(job)
    removal.clear_after_commit([job.raw_path])
    wakeup.ring_after_commit(wakeup.NO_JOB)  # for the post-write verification
    return has_siblings


def settle_double(upload: Upload) -> None:
    """Groups a file that the album already has with the files of its batch. Must be called under the album's lock."""
    grouping.settle_double(upload)
    if upload.duplicate_of:
        _resume_videos(Sent.double(upload))


def _resume_videos(still: Sent) -> None:
    for video in grouping.videos_without_still(still):
        _resume_video(video)


def _resume_video(video: ProcessingJob) -> None:
    """Requeues the Live video or makes it due now, because its still photo has arrived."""
    if video.state == JobState.FAILED:
        requeue(video, by="its photo")
    else:
        ProcessingJob.objects.filter(pk=video.pk, state=JobState.PENDING).update(run_after=timezone.now())
        wakeup.ring_after_commit(video.pk)


def _reschedule(job: ProcessingJob, delay: float, **changes: Any) -> bool:
    with transaction.atomic():
        run_after = timezone.now() + timedelta(seconds=delay)
        moved = _move(job, states.RETRY, run_after=run_after, **changes, **NO_CLAIM)
        if moved:
            wakeup.ring_after_commit(job.pk, delay)
    return moved


def _drop(job: ProcessingJob, edge: Edge, by: str) -> bool:
    with transaction.atomic():
        moved = _move(job, edge, by=by, finished_at=timezone.now(), **NO_CLAIM)
        if moved:
            Preview.objects.filter(job=job.pk).delete()
            removal.clear_after_commit([job.raw_path])
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
    return True


def _claim(job: ProcessingJob, worker: str) -> bool:
    """Claims the job. Its row is locked, so `job` is current and can be updated in memory without reading it again."""
    now = timezone.now()
    claim: dict[str, Any] = {"claim": uuid.uuid4(), "lease_until": _lease(now), "worker": worker}
    claim |= {"attempts": job.attempts + 1, "started_at": now, "finished_at": None}
    if not _move(job, states.CLAIM, by=worker, **claim):
        return False
    for name, value in {"state": states.CLAIM.target, **claim}.items():
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
    """The job's row, if this worker's claim is still the current one."""
    return ProcessingJob.objects.filter(pk=job.pk, claim=job.claim).exclude(claim=None)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "error_message": message}


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def _next_turn(album_id: int) -> int:
    """Start-time fair queueing: behind the album's own last job, but never before the front of the whole queue.

    Albums take turns, one photo each. A new album neither waits for 500 photos of another one nor keeps overtaking it.
    """
    *fronts, last_pending, last_processing = sql.one_row(TURNS, album=album_id)
    front = min((turn for turn in fronts if turn is not None), default=0)
    last = max((turn for turn in (last_pending, last_processing) if turn is not None), default=-1)
    return max(front, last + 1)
