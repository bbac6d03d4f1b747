"""The only writer of ProcessingJob.state: one verb an edge, each one guarded UPDATE together with its event.

Zero rows moved means that somebody else was faster. Then nothing was changed and nothing may be done: the verbs answer False,
and complete() raises Stale so that its whole transaction is undone.
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
"""The last words on a file that brought its worker, or the developer's process, down again and again."""

TURNS = """
    SELECT (SELECT turn FROM processing_processingjob WHERE state = 'pending' ORDER BY turn LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE state = 'processing' ORDER BY turn LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE album_id = %(album)s AND state = 'pending'
            ORDER BY turn DESC LIMIT 1),
        (SELECT turn FROM processing_processingjob WHERE album_id = %(album)s AND state = 'processing'
            ORDER BY turn DESC LIMIT 1)
"""
"""The first turn of each active state, and an album's last. Each from an index: a minimum over both would read all that wait."""


class Stale(Exception):
    """The claim is lost: the job was cancelled, rescued, or taken by another worker."""


def create(upload: Upload) -> ProcessingJob:
    """The work for an upload just received. Call it in the transaction that receives the upload."""
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


def claim_next(worker: str) -> ProcessingJob | None:
    """Take the next due job, albums taking turns; None when there is nothing to do now.

    Nobody waits for anybody: PostgreSQL looks past the jobs that others are taking at this moment.
    """
    due = ProcessingJob.objects.due()
    if not due.exists():  # asked outside: the transaction would wait for SQLite's one writer, for nothing
        return None
    with transaction.atomic():
        # A whole lock, not NO KEY: the claim is unique, and PostgreSQL asks for a whole one to change what could be a key.
        job = due.select_for_update(skip_locked=True, of=("self",)).select_related("upload").first()
        return job if job and _take(job, worker) else None


def renew(job: ProcessingJob) -> bool:
    """Prolong the lease. Leaves no event: a heartbeat is no news."""
    return bool(_held(job).filter(state=JobState.PROCESSING).update(lease_until=_lease(timezone.now())))


def complete(job: ProcessingJob, photo: Photo, renditions: Iterable[Rendition], look: Look | None = None) -> None:
    """Publish the photo and finish the job in one transaction: both or neither. Raises Stale when the claim is lost."""
    with transaction.atomic():
        _lock_album(job)
        photo.save()
        Rendition.objects.bulk_create(renditions)
        if look:
            look.save(force_insert=True)
        if _done(job, photo=photo) and photo.format in grouping.SHOWING:
            for sent in Sent.all_of(job):
                _wake_videos(sent)


def keep(job: ProcessingJob, companion: Companion) -> None:
    """As `complete`, of a file that is kept beside a photo. Raises StillMissing of a video whose photo has just gone."""
    with transaction.atomic():
        _lock_album(job)
        companion.save(force_insert=True)
        _done(job, companion=companion)
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
    """Retry with backoff while attempts are left; give up when they are spent or the error is permanent.

    `at_last`: what is said when they are spent.
    `expired`: only if the lease ran out (the sweep's way; the holder itself need not wait for that).
    """
    if permanent:
        return give_up(job, code, message, expired=expired)
    if job.attempts >= settings.MAX_ATTEMPTS:
        return give_up(job, code, at_last.format(message=message, attempts=job.attempts), expired=expired)
    return retry(job, code, message, expired=expired)


def retry(job: ProcessingJob, code: str, message: str, *, expired: bool = False) -> bool:
    """Wait for another attempt, behind the album's other photos: what fails again and again never keeps fresh work waiting."""
    delay = backoff.delay(job.attempts, settings.BACKOFF_BASE_SECONDS, settings.BACKOFF_MAX_SECONDS)
    return _put_off(job, delay, turn=_next_turn(job.album_id), expired=expired, **_error(code, message))


def postpone(job: ProcessingJob, code: str, message: str, *, seconds: float) -> bool:
    """Wait for another attempt through no fault of the file: this one does not count."""
    return _put_off(job, seconds, attempts=F("attempts") - 1, **_error(code, message))


def give_up(job: ProcessingJob, code: str, message: str, *, expired: bool = False) -> bool:
    """Park the job for a person. Its raw file stays, its album is not locked by it."""
    changes: dict[str, Any] = {"finished_at": timezone.now(), **_error(code, message)}
    return _move(job, states.GIVE_UP, expired=expired, **changes, **NO_CLAIM)


def release(job: ProcessingJob) -> bool:
    """Hand a job back untouched when its worker shuts down; the attempt does not count."""
    with transaction.atomic():
        moved = _move(job, states.RELEASE, attempts=F("attempts") - 1, **NO_CLAIM)
        if moved:
            wakeup.ring_after_commit(job.pk)
    return moved


def requeue(job: ProcessingJob, by: str = "", *, publish_damaged: bool = False) -> bool:
    """Start a failed job afresh, with all its attempts; to be published as far as it can be decoded, if that is asked for."""
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
    """Drop a waiting or running job and its raw file. A running one loses its claim, so it can finish nothing."""
    return _drop(job, states.CANCEL, by)


def dismiss(job: ProcessingJob, by: str = "") -> bool:
    """Put a failed job away, with its raw file."""
    return _drop(job, states.DISMISS, by)


def _lock_album(job: ProcessingJob) -> None:
    """Two workers that publish what belongs together do so one after the other: PostgreSQL would show neither the other's row."""
    Album.objects.select_for_update(no_key=True).filter(pk=job.album_id).values_list("pk").first()


def _done(job: ProcessingJob, **made: Any) -> bool:
    """Answers whether other files belong, or may belong, to what was made."""
    Leftover.objects.filter(hold=job.claim).delete()
    if not _move(job, states.COMPLETE, finished_at=timezone.now(), **made, **NO_ERROR, **NO_CLAIM):
        raise Stale
    if has_kin := grouping.has_kin(job):
        grouping.settle(job)
    removal.clear_after_commit([job.raw_path])
    wakeup.ring_after_commit(wakeup.NO_JOB)  # for the proof
    return has_kin


def settle_double(upload: Upload) -> None:
    """Put together with the files of its batch what the album has already. Call it under the album's lock."""
    grouping.settle_double(upload)
    if upload.duplicate_of:
        _wake_videos(Sent.double(upload))


def _wake_videos(still: Sent) -> None:
    for video in grouping.videos_without_still(still):
        _wake(video)


def _wake(video: ProcessingJob) -> None:
    """Its still is here: it is no video alone any more."""
    if video.state == JobState.FAILED:
        requeue(video, by="its photo")
    else:
        ProcessingJob.objects.filter(pk=video.pk, state=JobState.PENDING).update(run_after=timezone.now())
        wakeup.ring_after_commit(video.pk)


def _put_off(job: ProcessingJob, delay: float, **changes: Any) -> bool:
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
    """The one UPDATE that changes a state, guarded by the states the edge may leave and by the claim it may need."""
    rows = _held(job) if edge.held else ProcessingJob.objects.filter(pk=job.pk)
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


def _take(job: ProcessingJob, worker: str) -> bool:
    """Its row is locked, so what was read of it holds, and what is written need not be read."""
    now = timezone.now()
    claim: dict[str, Any] = {"claim": uuid.uuid4(), "lease_until": _lease(now), "worker": worker}
    claim |= {"attempts": job.attempts + 1, "started_at": now, "finished_at": None}
    if not _move(job, states.CLAIM, by=worker, **claim):
        return False
    for name, value in {"state": states.CLAIM.target, **claim}.items():
        setattr(job, name, value)
    return True


def _attempt(job: ProcessingJob, edge: Edge, told: object) -> int:
    """Which one this move belongs to. Who holds the claim knows that: nobody else changes the row."""
    if isinstance(told, int):
        return told
    if edge.held and told is None:
        return job.attempts
    return ProcessingJob.objects.values_list("attempts", flat=True).get(pk=job.pk)


def _held(job: ProcessingJob) -> JobQuerySet:
    """The job's row, if the claim that this worker got is still the one that holds it."""
    return ProcessingJob.objects.filter(pk=job.pk, claim=job.claim).exclude(claim=None)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "error_message": message}


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def _next_turn(album_id: int) -> int:
    """Start-time fair queueing: behind the album's own last job, but never before the front of the whole queue.

    So albums take turns, one photo each, and a newcomer neither waits for 500 photos of another nor overtakes it for ever.
    """
    *fronts, last, latest = sql.one_row(TURNS, album=album_id)
    front = min((turn for turn in fronts if turn is not None), default=0)
    own = max((turn for turn in (last, latest) if turn is not None), default=-1)
    return max(front, own + 1)
