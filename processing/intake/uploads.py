"""The only writer of Upload.state. An upload is created when its first bytes are expected, and ends exactly once."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums import removal
from albums.models import Album, Photo
from processing import jobs
from processing.intake import names, refusals
from processing.intake.refusals import Refusal
from processing.models import Batch, ProcessingJob, Upload
from processing.states import ACTIVE, UploadState

MOST_TOUCH_SECONDS = 5.0


def create(batch: Batch, name: str, size: int | None = None) -> Upload:
    """Expect a file, of `size` bytes if that is known. From now on until it ends, its album is busy."""
    return Upload.objects.create(
        batch=batch,
        album_id=batch.album_id,
        name=names.shown(name),
        size=size,
        note=_renamed(name),
        expires_at=_expiry(),
    )


def touch(batch: Batch) -> None:
    """Bytes of the batch are arriving: none of its uploads expires for a while."""
    Upload.objects.receiving().filter(batch=batch).update(expires_at=_expiry())


def tell_size(upload: Upload, size: int) -> None:
    """A size that was not known at first."""
    Upload.objects.receiving().filter(pk=upload.pk, size=None).update(size=size)
    upload.size = size


def touch_seconds() -> float:
    """How often a batch whose bytes are arriving should be touched: well before it expires."""
    return min(MOST_TOUCH_SECONDS, settings.UPLOAD_EXPIRY_SECONDS / 4)


def finish(upload: Upload, size: int, sha256: str) -> ProcessingJob | None:
    """Acknowledge a file whose bytes are durable at upload.key: received, with its job, in one transaction.

    None when there is no work: the album has these bytes already (the upload is refused as a duplicate), or the upload was
    cancelled or expired meanwhile. Repeating is harmless.
    """
    with transaction.atomic():
        if not Album.objects.select_for_update().filter(pk=upload.album_id).first():
            removal.clear_after_commit([upload.key])  # it was deleted, and all its uploads with it
            return None
        if twin := _twin(upload, sha256):
            refuse(upload, twin[0], size=size, sha256=sha256, duplicate_of=twin[1])
            return None
        note = upload.note or _namesake(upload)
        if not _end(upload, UploadState.RECEIVED, size=size, sha256=sha256, note=note):
            _let_go_if_unwanted(upload)
            return None
        _replace_failures(upload, sha256)
        upload.refresh_from_db()
        return jobs.create(upload)


def refuse(upload: Upload, refusal: Refusal, **known: object) -> bool:
    """End an upload that cannot be taken, with its reason, and let its bytes go."""
    return _drop(upload, UploadState.REFUSED, refusal, **known)


def cancel(upload: Upload, code: str, message: str) -> bool:
    return _drop(upload, UploadState.CANCELLED, Refusal(code, message))


def expire(upload: Upload) -> bool:
    """Give up an upload that nothing arrived of for long. One that was touched just now stays."""
    is_idle = Upload.objects.idle().filter(pk=upload.pk).exists()
    return is_idle and _drop(upload, UploadState.EXPIRED, refusals.EXPIRED)


def _drop(upload: Upload, target: UploadState, refusal: Refusal, **known: object) -> bool:
    with transaction.atomic():
        ended = _end(upload, target, code=refusal.code, message=refusal.message, **known)
        if ended:
            removal.clear_after_commit([upload.key])
    return ended


def _end(upload: Upload, target: UploadState, **changes: object) -> bool:
    """The one UPDATE that ends an upload; False when it had ended before."""
    rows = Upload.objects.receiving().filter(pk=upload.pk)
    return bool(rows.update(state=target, ended_at=timezone.now(), **changes))


def _let_go_if_unwanted(upload: Upload) -> None:
    """The bytes came too late for an upload that was cancelled or expired. Of one received before, they are the raw file."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
        removal.clear_after_commit([upload.key])


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)


def _twin(upload: Upload, sha256: str) -> tuple[Refusal, Photo | None] | None:
    """The same bytes in the same album: as a photo, or on their way to be one."""
    if photo := Photo.objects.filter(album_id=upload.album_id, original_sha256=sha256).first():
        return refusals.DUPLICATE.filled(name=photo.name), photo
    same = ProcessingJob.objects.filter(album_id=upload.album_id, upload__sha256=sha256, state__in=ACTIVE)
    if job := same.exclude(upload=upload).first():
        return refusals.TWICE.filled(name=job.original_filename), None
    return None


def _replace_failures(upload: Upload, sha256: str) -> None:
    """Whoever sends a failed file once more wants it tried once more: the new job stands for the old."""
    failed = ProcessingJob.objects.failed().filter(album_id=upload.album_id, upload__sha256=sha256)
    for job in failed.exclude(upload=upload):
        jobs.dismiss(job, by="sent again")


def _renamed(name: str) -> str:
    return (
        "" if names.shown(name) == name else "Its name held parts that cannot be shown, so it is listed under this one."
    )


def _namesake(upload: Upload) -> str:
    same = Upload.objects.filter(album_id=upload.album_id, name=upload.name, state=UploadState.RECEIVED)
    return (
        "Another photo in this album has the same name. Both are kept." if same.exclude(pk=upload.pk).exists() else ""
    )
