"""Batches: opening one takes the album's lock; a person can cancel the rest, and requeue or dismiss what failed."""

import uuid
from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from albums.models import Album, Companion
from processing import jobs
from processing.lib import sql
from processing.models import Batch, ProcessingJob, Upload, UploadQuerySet, states
from processing.models.states import UploadState
from processing.uploads import lifecycle, rejections

RUNNING = """
    SELECT * FROM processing_batch WHERE id = COALESCE(
        (SELECT batch_id FROM processing_upload WHERE album_id = %(album)s AND state = 'receiving' LIMIT 1),
        (SELECT batch_id FROM processing_processingjob WHERE album_id = %(album)s AND state = 'processing'
            ORDER BY turn LIMIT 1),
        (SELECT batch_id FROM processing_processingjob WHERE album_id = %(album)s AND state = 'pending'
            ORDER BY turn LIMIT 1))
"""
"""One is receiving at most. Beside it a failed job of an earlier batch may have been requeued, which nobody sends to."""
AT_A_TIME = 200
"""Jobs moved in one transaction: SQLite has one writer, and nobody should wait long for it."""


class AlbumBusy(Exception):
    """Another batch is at work in the album. `batch` is that one."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"Album {batch.album_id} is busy with batch {batch.pk}")
        self.batch = batch


class SentBefore(Exception):
    """This very form was sent before, and arrived whole. `batch` is what it became."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"The form was sent before, as batch {batch.pk}")
        self.batch = batch


def open_with_upload(
    album: Album, user: User | None, source: Batch.Source, name: str, token: uuid.UUID | None = None
) -> Upload:
    """Open a batch with its first upload, which holds the lock from then on.

    Of any number of simultaneous callers one wins; the others get AlbumBusy with the winner's batch.
    """
    with transaction.atomic():
        hold(album.pk)
        ensure_open(album, token)
        if token:  # of a form that broke off: what is sent now stands for it
            Batch.objects.filter(token=token).update(token=None)
        batch = Batch.objects.create(album=album, opened_by=user, source=source, token=token)
        return lifecycle.create(batch, name)


def join_or_open(
    album: Album, user: User, source: Batch.Source, name: str, size: int | None, metadata: str = ""
) -> Upload:
    """For senders who know nothing of batches: their uploads join their own running batch, or open one.

    Raises AlbumBusy when the running batch is somebody else's, and Album.DoesNotExist when the album was deleted just now.
    """
    with transaction.atomic():
        hold(album.pk)
        batch = running_after_release(album)
        if batch and batch.opened_by_id != user.pk:
            raise AlbumBusy(batch)
        if batch and size is None and batch.source in Batch.BOUND:
            # Not to be taken for a file of that form or import, which nobody could go on with: UploadQuerySet.abandoned().
            Batch.objects.filter(pk=batch.pk).update(source=source)
        batch = batch or Batch.objects.create(album=album, opened_by=user, source=source)
        return lifecycle.create(batch, name, size, metadata)


def hold(album: int) -> None:
    """Keep all others from the album until the transaction ends. Raises Album.DoesNotExist when it was deleted just now.

    That means for good, or moved to the trash.
    """
    if not sql.hold(album, in_use=True):
        raise Album.DoesNotExist


def ensure_open(album: Album, token: uuid.UUID | None = None) -> None:
    """Raises SentBefore or AlbumBusy. Outside the lock this is only a first look, before any byte is read."""
    if token and (earlier := Batch.objects.filter(token=token).first()) and _has_arrived(earlier):
        raise SentBefore(earlier)
    if running := running_after_release(album):
        raise AlbumBusy(running)


def running_after_release(album: Album) -> Batch | None:
    """As running_in(), when what a dead process held has been given up: the sweep would do it within two minutes."""
    running = running_in(album)
    return running_in(album) if running and running.source in Batch.BOUND and release(album) else running


def release(album: Album) -> int:
    """Give up the files of the album whose form or import died on their way. Answers how many it was."""
    return sum(lifecycle.expire(upload) for upload in Upload.objects.abandoned().filter(album=album))


def running_in(album: Album) -> Batch | None:
    """The batch that keeps the album busy: of several, the one that is receiving. Derived from the rows, it cannot go stale."""
    return next(iter(Batch.objects.raw(RUNNING, {"album": album.pk})), None)


def cancel(album: Album, by: str) -> int:
    """Cancel all that is not done yet in the album; photos that are ready stay. Answers how many files it was."""
    on_their_way = Upload.objects.receiving().filter(album=album)
    count = sum(lifecycle.cancel(upload, "cancelled", f"Cancelled by {by}.") for upload in on_their_way)
    return count + sum(jobs.cancel(job, by) for job in ProcessingJob.objects.active().filter(album=album))


def stop_receiving(album: Album, by: str) -> int:
    """End what is on its way to an album in the trash. Answers how many files it was.

    Whatever has arrived whole is developed all the same, so that nothing is missing when the album is restored.
    """
    on_their_way = Upload.objects.receiving().filter(album=album)
    refusal = rejections.ALBUM_IN_TRASH.filled(by=by)
    return sum(lifecycle.cancel(upload, refusal.code, refusal.message) for upload in on_their_way)


def requeue(failed: QuerySet[ProcessingJob], by: str) -> int:
    return _each(failed, lambda job: jobs.requeue(job, by))


def publish_damaged(failed: QuerySet[ProcessingJob], by: str) -> int:
    """Publish these failed jobs as far as they can be decoded: those that are damaged, and of which something could be seen."""
    seen = failed.filter(error_code__in=states.CAN_BE_PUBLISHED, preview__isnull=False)
    return _each(seen, lambda job: jobs.requeue(job, f"{by}, to be published although damaged", publish_damaged=True))


def dismiss_failed(failed: QuerySet[ProcessingJob], by: str) -> int:
    """Put these failed jobs away, with their raw files."""
    return _each(failed, lambda job: jobs.dismiss(job, by))


def dismiss_refused(uploads: UploadQuerySet) -> int:
    """Put these away, of those that were refused or expired. The rest of their batch's report stays."""
    return Upload.objects.filter(pk__in=uploads.ended_badly().values("pk")).update(dismissed_at=timezone.now())


def dismiss(album: Album, by: str) -> int:
    """Put the album's report away: its failed jobs with their raw files, and what was refused or cut off."""
    with transaction.atomic():
        count = sum(jobs.dismiss(job, by) for job in ProcessingJob.objects.failed().filter(album=album))
        idle = Batch.objects.filter(album=album, dismissed_at=None).exclude(pk__in=Batch.objects.active(album))
        idle.update(dismissed_at=timezone.now())
    return count


def _each(rows: QuerySet[ProcessingJob], move: Callable[[ProcessingJob], bool]) -> int:
    """Move each job, a few in one transaction. Answers how many were moved."""
    moved = last = 0
    while some := list(rows.filter(pk__gt=last).order_by("pk")[:AT_A_TIME]):
        with transaction.atomic():
            moved += sum(move(job) for job in some)
        last = some[-1].pk
    return moved


def _has_arrived(batch: Batch) -> bool:
    """Of a batch that broke off on its way, more files may have been meant to come than ever had a row."""
    broke_off = Q(state__in=(UploadState.RECEIVING, UploadState.EXPIRED)) | Q(code=rejections.CUT_OFF.code)
    return not batch.uploads.filter(broke_off).exists()


class AtWork(Exception):
    """The batch has work left."""


def is_at_work(batch: Batch) -> bool:
    return Batch.objects.active().filter(pk=batch.pk).exists()


def cancel_batch(batch: Batch, by: str) -> int:
    """Cancel what is not done yet of this batch alone. Answers how many files it was."""
    on_their_way = Upload.objects.receiving().filter(batch=batch)
    count = sum(lifecycle.cancel(upload, "cancelled", f"Cancelled by {by}.") for upload in on_their_way)
    return count + sum(jobs.cancel(job, by) for job in ProcessingJob.objects.active().filter(batch=batch))


def forget(batch: Batch, by: str) -> None:
    """Delete the batch's record: uploads, jobs, events, the raw files of what failed, sidecars without a photo. Its photos stay.

    Raises AtWork.

    In one transaction: a receipt of half a batch would be no receipt.
    """
    with transaction.atomic():
        hold(batch.album_id)  # nobody adds an upload now
        for job in ProcessingJob.objects.failed().filter(batch=batch):
            jobs.dismiss(job, by)
        if is_at_work(batch):  # asked after dismissing: from here on nobody can requeue one
            raise AtWork
        Companion.objects.filter(job__batch=batch, photo=None).delete()
        batch.delete()
