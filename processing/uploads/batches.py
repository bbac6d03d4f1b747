"""Opens, cancels and deletes batches, and requeues or dismisses their failed files. An open batch locks its album."""

import uuid
from collections.abc import Callable, Iterable

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from albums.models import Album, Companion
from processing import jobs
from processing.jobs import batch_completion
from processing.lib import sql
from processing.models import Batch, ProcessingJob, Upload, UploadQuerySet, states
from processing.models.states import UploadState
from processing.uploads import lifecycle, rejections
from processing.uploads.rejections import RejectionReason

RUNNING = """
    SELECT * FROM processing_batch WHERE id = COALESCE(
        (SELECT batch_id FROM processing_upload WHERE album_id = %(album)s AND state = 'receiving' LIMIT 1),
        (SELECT batch_id FROM processing_processingjob WHERE album_id = %(album)s AND state = 'processing'
            ORDER BY turn LIMIT 1),
        (SELECT batch_id FROM processing_processingjob WHERE album_id = %(album)s AND state = 'pending'
            ORDER BY turn LIMIT 1))
"""
"""Selects the running batch of an album.

At most one batch is receiving. A requeued job of an earlier batch may run at the same time, but that batch takes no files.
"""
TRANSACTION_SIZE = 200
"""The number of jobs changed in one transaction. SQLite has one writer, so transactions must be short."""


class AlbumBusy(Exception):
    """Another batch, `batch`, is running in the album."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"Album {batch.album_id} is busy with batch {batch.pk}")
        self.batch = batch


class AlreadySent(Exception):
    """The same form was sent before and arrived completely, as `batch`."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"The form was sent before, as batch {batch.pk}")
        self.batch = batch


def open_with_upload(
    album: Album, user: User | None, source: Batch.Source, name: str, token: uuid.UUID | None = None
) -> Upload:
    """Opens a batch and returns its first upload, which locks the album until it ends.

    Exactly one of several simultaneous callers succeeds. The others raise AlbumBusy with the batch of the successful caller.
    """
    with transaction.atomic():
        lock_album(album.pk)
        ensure_open(album, token)
        if token:  # the form was cut off before: the new batch replaces the old one
            Batch.objects.filter(token=token).update(token=None)
        batch = Batch.objects.create(album=album, opened_by=user, source=source, token=token)
        return lifecycle.create(batch, name)


def join_or_open(
    album: Album, user: User, source: Batch.Source, name: str, size: int | None, metadata: str = ""
) -> Upload:
    """Creates an upload in the user's running batch, or in a new one, for clients that declare no batches (tus).

    Raises AlbumBusy if another user's batch is running, and Album.DoesNotExist if the album was deleted meanwhile.
    """
    with transaction.atomic():
        lock_album(album.pk)
        batch = running_after_release(album)
        if batch and batch.opened_by_id != user.pk:
            raise AlbumBusy(batch)
        if batch and size is None and batch.source in Batch.BOUND:
            # This upload can be resumed: UploadQuerySet.abandoned() must not expire it with those of the form or import.
            Batch.objects.filter(pk=batch.pk).update(source=source)
        batch = batch or Batch.objects.create(album=album, opened_by=user, source=source)
        return lifecycle.create(batch, name, size, metadata)


def limit_rejection(number: int) -> RejectionReason | None:
    """Returns the reason to reject a batch's file of this number, counted from 1, if it exceeds MAX_BATCH_FILES. Else None."""
    limit = settings.MAX_BATCH_FILES
    return rejections.TOO_MANY.filled(limit=limit) if number > limit else None


def lock_album(album: int) -> None:
    """Locks the album's row until the transaction ends.

    Raises Album.DoesNotExist if the album was deleted or moved to the trash meanwhile.
    """
    if not sql.lock_album(album, in_use=True):
        raise Album.DoesNotExist


def ensure_open(album: Album, token: uuid.UUID | None = None) -> None:
    """Raises AlreadySent or AlbumBusy. Without the album's lock this is only an early check, before the body is read."""
    if token and (previous := Batch.objects.filter(token=token).first()) and _is_complete(previous):
        raise AlreadySent(previous)
    if running := running_after_release(album):
        raise AlbumBusy(running)


def running_after_release(album: Album) -> Batch | None:
    """Returns running_in() after releasing uploads of dead processes, which the sweep would otherwise do within two minutes."""
    running = running_in(album)
    return running_in(album) if running and running.source in Batch.BOUND and release(album) else running


def release(album: Album) -> int:
    """Expires the album's uploads that a dead process, of a form or import, was receiving. Returns their number."""
    return sum(lifecycle.expire(upload) for upload in Upload.objects.abandoned().filter(album=album))


def running_in(album: Album) -> Batch | None:
    """Returns the batch that keeps the album busy; of several, the receiving one. Derived from the rows, so it is never stale."""
    return next(iter(Batch.objects.raw(RUNNING, {"album": album.pk})), None)


def unfinished(target: Album | Batch) -> tuple[QuerySet[ProcessingJob], UploadQuerySet]:
    """Returns the active jobs and the receiving uploads of an album or a batch."""
    filters = {"batch": target} if isinstance(target, Batch) else {"album": target}
    return ProcessingJob.objects.active().filter(**filters), Upload.objects.receiving().filter(**filters)


def cancel(target: Album | Batch, by: str) -> int:
    """Cancels the unfinished uploads and jobs of an album or a batch, and returns their number. Finished photos stay."""
    active, receiving = unfinished(target)
    cancelled = sum(lifecycle.cancel(upload, "cancelled", f"Cancelled by {by}.") for upload in receiving)
    return cancelled + sum(jobs.cancel(job, by) for job in active)


def stop_receiving(albums: Iterable[int]) -> int:
    """Cancels the receiving uploads of the albums with these ids, which are in the trash, and returns their number.

    Jobs of files that have arrived go on, so that a restored album lacks none of them.
    """
    receiving = Upload.objects.receiving().filter(album__in=albums)
    reason = rejections.ALBUM_IN_TRASH
    return sum(lifecycle.cancel(upload, reason.code, reason.message) for upload in receiving)


def requeue(failed: QuerySet[ProcessingJob], by: str) -> int:
    return _move_each(failed, lambda job: jobs.requeue(job, by))


def publish_damaged(failed: QuerySet[ProcessingJob], by: str) -> int:
    """Requeues damaged files that have a preview, to be published as far as they can be decoded. Returns their number."""
    decodable = failed.filter(error_code__in=states.CAN_BE_PUBLISHED, preview__isnull=False)
    return _move_each(
        decodable, lambda job: jobs.requeue(job, f"{by}, to be published although damaged", publish_damaged=True)
    )


def dismiss_failed(failed: QuerySet[ProcessingJob], by: str) -> int:
    """Dismisses failed jobs and deletes their raw files. Returns their number."""
    return _move_each(failed, lambda job: jobs.dismiss(job, by))


def dismiss_rejected(uploads: UploadQuerySet) -> int:
    """Dismisses those of the uploads that were rejected or expired, and returns their number. The batch's report stays."""
    return Upload.objects.filter(pk__in=uploads.ended_badly().values("pk")).update(dismissed_at=timezone.now())


def dismiss(target: Album | Batch, by: str) -> int:
    """Dismisses the failed jobs of a batch or of an album's batches, with their raw files, and the reports of the idle ones.

    Returns the number of jobs.
    """
    is_target = Q(pk=target.pk) if isinstance(target, Batch) else Q(album=target)
    batches = Batch.objects.filter(is_target)
    album = target.album if isinstance(target, Batch) else target
    with transaction.atomic():
        count = sum(jobs.dismiss(job, by) for job in ProcessingJob.objects.failed().filter(batch__in=batches))
        idle = batches.filter(dismissed_at=None).exclude(pk__in=Batch.objects.active(album))
        idle.update(dismissed_at=timezone.now())
    return count


def _move_each(jobs_to_move: QuerySet[ProcessingJob], move: Callable[[ProcessingJob], bool]) -> int:
    """Calls `move` for each job, TRANSACTION_SIZE in one transaction. Returns the number of jobs moved."""
    moved = last_pk = 0
    while chunk := list(jobs_to_move.filter(pk__gt=last_pk).order_by("pk")[:TRANSACTION_SIZE]):
        with transaction.atomic():
            moved += sum(move(job) for job in chunk)
        last_pk = chunk[-1].pk
    return moved


def _is_complete(batch: Batch) -> bool:
    """True if no file of the batch was cut off. After one that was, the form may have contained more, which have no row."""
    is_cut_off = Q(state__in=(UploadState.RECEIVING, UploadState.EXPIRED)) | Q(code=rejections.CUT_OFF.code)
    return not batch.uploads.filter(is_cut_off).exists()


class BatchRunning(Exception):
    """The batch has unfinished uploads or jobs."""


def is_running(batch: Batch) -> bool:
    return not batch_completion.is_settled(batch.pk)


def delete(batch: Batch, by: str) -> None:
    """Deletes the batch with its uploads, jobs, events, raw files of failed jobs, and sidecars without a photo. Photos stay.

    Runs in one transaction, so that no receipt shows half a batch. Raises BatchRunning.
    """
    with transaction.atomic():
        lock_album(batch.album_id)  # from here on no upload can be added
        for job in ProcessingJob.objects.failed().filter(batch=batch):
            jobs.dismiss(job, by)
        if is_running(batch):  # checked after dismissing: a dismissed job cannot be requeued
            raise BatchRunning
        Companion.objects.filter(job__batch=batch, photo=None).delete()
        batch.delete()
