"""The recovery sweep: repairs what crashes, lost connections and lost wake-up messages have left behind.

It may run at any time in any number of workers, because each change is guarded by its row.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from albums import album_trash, removal, trash
from albums.models import Album, Leftover
from albums.operations import engine
from albums.selection import saved
from processing import jobs
from processing.integrity import post_write
from processing.jobs import batch_completion, wakeup
from processing.lib import iteration
from processing.models import (
    JobEvent,
    ProcessingJob,
    Rerender,
    Upload,
    WorkerPulse,
)
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.base import StoredObject
from processing.storage.storage_errors import StorageError
from processing.uploads import batches, lifecycle, staging_keys
from processing.uploads.direct import recovery
from processing.uploads.tus import session as tus_session

log = logging.getLogger(__name__)

MAX_DELETE_SHARE = 1 / 10
"""The part of the sweep interval that a worker may spend on deleting."""
LOST = ("worker-lost", "The worker stopped while processing this file.")
BATCH_SIZE = 500
MAX_LOAN = timedelta(hours=6)
"""A local copy of an object that is older than this was left behind by a killed process: no read takes this long."""
OPERATION_SECONDS = 2.0
"""How long a sweep continues the operations of users whose message was lost."""
HAND_OVER_SECONDS = 20
"""A complete upload without activity for this long has no job because its request was killed after the last byte."""


LABELS = (
    *("uploads completed", "jobs recovered", "uploads expired", "uploads abandoned", "batches finished"),
    *("trashed photos deleted", "trashed albums deleted", "pending deletions done", "orphaned files deleted"),
    *(
        "multipart uploads aborted",
        "wake-ups sent",
        "old events deleted",
        "operations continued",
        "old operations deleted",
        "old selections deleted",
    ),
)
"""The labels of SweepResult's fields, in their order."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The number of repairs of each kind."""

    handed_over: int
    rescued: int
    expired: int
    stopped: int
    finished_batches: int
    trashed_photos: int
    trashed_albums: int
    leftovers: int
    strays: int
    aborted: int
    wakeups: int
    old_events: int
    operations: int
    old_operations: int
    old_selections: int

    def __str__(self) -> str:
        return ", ".join(f"{label}: {count}" for label, count in zip(LABELS, astuple(self), strict=True))


def sweep(seconds: float | None = None) -> SweepResult:
    """Runs all repairs. `seconds`: time limit for each kind of deletion; the next sweep continues. None: no limit.

    A worker sweeps between two photos. Without a limit, deleting 100,000 photos from a trash would block it for hours.
    """
    now = timezone.now()
    until = None if seconds is None else time.monotonic() + seconds
    swept = SweepResult(
        handed_over=_hand_over_again(now),
        rescued=_rescue(),
        expired=_expire(),
        stopped=_stop_receiving(),
        finished_batches=batch_completion.finish_all(),
        trashed_photos=_purge_trash(now, until),
        trashed_albums=_purge_albums(now, until),
        leftovers=delete_leftovers(now, until),
        strays=delete_orphans(_grace(now)),
        aborted=_abort_unknown(now),
        wakeups=_wake_for_due_work(now),
        old_events=_forget_events(now),
        operations=engine.continue_stalled(time.monotonic() + OPERATION_SECONDS),
        old_operations=engine.forget(now),
        old_selections=saved.forget(now),
    )
    if any(asdict(swept).values()):
        log.info("Sweep: %s", swept)
    return swept


def delete_leftovers(now: datetime, until: float | None = None) -> int:
    """Deletes Leftover rows that no live claim holds, with their files, and returns the number of rows.

    Rows of expired claims are kept until ORPHAN_GRACE_SECONDS have passed, because a stalled worker may still write their keys.
    Rows with a hold younger than a lease are skipped: the hold may belong to a repair, which has no claim.
    """
    live_claims = [
        *staging_keys.claims(ProcessingJob.objects.in_work()),
        *staging_keys.claims(Rerender.objects.in_work()),
    ]
    cleared = removal.clear(Leftover.objects.filter(hold=None), until)
    expired = Leftover.objects.exclude(hold=None).exclude(hold__in=live_claims)
    expired = expired.filter(created_at__lt=now - timedelta(seconds=settings.LEASE_SECONDS))
    for leftover in expired.filter(created_at__gte=_grace(now)).order_by("pk").iterator(BATCH_SIZE):
        removal.discard(leftover.key)
        if removal.is_over(until):
            break
    return cleared + removal.clear(expired.filter(created_at__lt=_grace(now)), until)


def delete_orphans(before: datetime) -> int:
    """Deletes orphans in incoming/ that were last written before `before`, and returns how many.

    Working directories of expired claims are deleted at any age, because no other claim uses them. Files are listed before rows
    are read: in the opposite order, a new file would look like an orphan.
    """
    return sum(map(_clear_unknown, iteration.chunks(_old_keys(before), BATCH_SIZE)))


def _hand_over_again(now: datetime) -> int:
    """Finishes complete uploads. Runs before _expire(), which would count them as idle."""
    as_of = now + timedelta(seconds=max(0, settings.UPLOAD_EXPIRY_SECONDS - HAND_OVER_SECONDS))
    return recovery.finish_stalled(as_of) + tus_session.finish_stalled(as_of)


def _abort_unknown(now: datetime) -> int:
    """Aborts multipart uploads in the bucket that belong to no upload."""
    try:
        return recovery.abort_orphaned(_grace(now))
    except StorageError as error:
        log.warning("Can't list unfinished multipart uploads in the bucket; the next sweep retries: %s", error)
        return 0


def _rescue() -> int:
    """Ends the attempts of jobs with an expired lease, because their workers have stopped."""
    lost_jobs = ProcessingJob.objects.lost()
    return sum(
        jobs.fail(job, *LOST, permanent=False, final_message=jobs.QUARANTINED, expired=True) for job in lost_jobs
    )


def _expire() -> int:
    return sum(
        lifecycle.expire(upload) for rows in (Upload.objects.idle(), Upload.objects.abandoned()) for upload in rows
    )


def _stop_receiving() -> int:
    """Cancels uploads to albums that have been in the trash for so long that Undo will not restore them any more."""
    before = timezone.now() - timedelta(seconds=album_trash.UPLOADS_KEPT_SECONDS)
    albums = Album.objects.filter(trashed_at__lt=before, pk__in=Upload.objects.receiving().values("album"))
    return batches.stop_receiving(albums.values_list("pk", flat=True))


def _purge_albums(now: datetime, until: float | None) -> int:
    """Deletes albums that have expired in the trash. A large one takes several sweeps."""
    return album_trash.purge(now, until) if store().is_available() else 0


def _purge_trash(now: datetime, until: float | None) -> int:
    """Deletes photos that have expired in the trash. Skipped while the storage is unreachable: a file that cannot be reached
    counts as deleted, and would be an orphan later.
    """
    return trash.purge(now, until) if store().is_available() else 0


def staged() -> Iterator[StoredObject]:
    """Yields the files in incoming/ on the disk and, if it is reachable, in the bucket."""
    for place in locations.in_use():
        if place == storage_keys.DISK or not store().problem():
            yield from store().list_objects(f"{place}{storage_keys.INCOMING}")


def _old_keys(before: datetime) -> Iterator[str]:
    loan_limit = min(before, timezone.now() - MAX_LOAN)
    for file in staged():
        limit = loan_limit if staging_keys.is_local_copy(file.key) else before
        if storage_keys.is_scratch(file.key) or file.modified < limit:
            yield file.key


def _clear_unknown(keys: list[str]) -> int:
    owners_in_use = staging_keys.raw_in_use(keys)
    strays = [key for key in keys if storage_keys.owner(key) not in owners_in_use]
    return sum(removal.discard(key) for key in strays)


def _wake_for_due_work(now: datetime) -> int:
    """Sends wake-up messages for due work that has none, and returns how many. Redundant messages are harmless."""
    just_now = (now - timedelta(seconds=1), now)
    limit = BATCH_SIZE + wakeup.pending_count()
    due_jobs = ProcessingJob.objects.due().exclude(updated_at__range=just_now)
    unverified = [rows.exclude(created_at__range=just_now) for rows in (post_write.due(), post_write.due_companions())]
    needed = 0
    for rows in (due_jobs, *unverified, Rerender.objects.due()):
        # Counts up to the limit only: there may be millions of rows.
        needed += rows.order_by()[: limit - needed].count()
    missing = min(BATCH_SIZE, max(0, needed - (limit - BATCH_SIZE)))
    job_ids = list(due_jobs.values_list("pk", flat=True)[:missing])
    for job_id in job_ids:
        wakeup.send(job_id)
    for _ in range(missing - len(job_ids)):
        wakeup.send_idle()
    return missing


def _forget_events(now: datetime) -> int:
    WorkerPulse.objects.filter(seen_at__lt=now - timedelta(days=1)).delete()
    old_events = JobEvent.objects.filter(at__lt=now - timedelta(days=settings.EVENT_DAYS))
    return old_events.delete()[0]


def _grace(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.ORPHAN_GRACE_SECONDS)
