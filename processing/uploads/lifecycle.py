"""The only writer of Upload.state. An upload is created when its first bytes are expected, and ends exactly once."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums import removal, trash
from albums.models import Photo
from processing import jobs
from processing.jobs import batch_completion, grouping
from processing.lib import sql
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import IS_A_PHOTO, UploadState
from processing.pipeline.formats import extensions
from processing.statistics import record
from processing.storage import store
from processing.storage.s3 import s3_multipart
from processing.uploads import filenames, known_files, rejections, skipped_files
from processing.uploads.known_files import KnownFile
from processing.uploads.manifest import Declared
from processing.uploads.rejections import RejectionReason

MAX_TOUCH_INTERVAL_SECONDS = 1.0
BATCH_TOUCH_FRACTION = 1 / 60
"""Receiving one file also renews the expiry of the uploads queued in the same batch.

There may be thousands. They are updated at most once in this fraction of UPLOAD_EXPIRY_SECONDS.
"""
SAME_NAME_NOTE = "Another photo in this album has the same name. Both are kept."
COUNT_FILES = (
    "SELECT COUNT(*) FILTER (WHERE state <> 'skipped'), COUNT(*) FROM processing_upload WHERE batch_id = %(batch)s"
)
MAX_ROWS_PER_INSERT = 20_000
"""The maximum number of uploads of one batch, including skipped and rejected files."""


def count(batch: int) -> tuple[int, int]:
    """Returns the number of uploads of a batch: without the skipped ones, and in total."""
    without_skipped, total = sql.one_row(COUNT_FILES, batch=batch)
    return without_skipped, total


def create(batch: Batch, name: str, size: int | None = None, metadata: str = "") -> Upload:
    """Creates an upload of `size` bytes (None if unknown). Its album is busy until the upload ends."""
    return Upload.objects.create(
        batch=batch,
        album_id=batch.album_id,
        name=filenames.displayed(name),
        folder=filenames.folder(name),
        size=size,
        metadata=metadata,
        note=filenames.was_changed_note(name),
        expires_at=_expiry(),
    )


def create_many(batch: Batch, files: list[Declared]) -> list[Upload]:
    """Creates one upload for each file, in the same order."""
    return Upload.objects.bulk_create(_upload_for(batch, file) for file in files)


def record_rejected(batch: Batch, file: Declared, reason: RejectionReason, photo: Photo | None = None) -> Upload:
    """Records a file in the batch that is not to be sent, with the reason. `photo` is an existing photo with the same bytes."""
    upload = _upload_for(batch, file)
    upload.state = UploadState.SKIPPED if reason == rejections.COMPANION else UploadState.REJECTED
    upload.code, upload.message = reason.code, reason.message
    upload.duplicate_of, upload.sha256, upload.ended_at = photo, file.sha256, timezone.now()
    upload.save(force_insert=True)
    return upload


def record_skipped(batch: Batch, files: Iterable[Declared]) -> None:
    """Records files that the client left out, so that the receipt lists each. Idempotent: a file is recorded only once."""
    recorded = batch.uploads.filter(state=UploadState.SKIPPED).values_list("name", "size", "modified_at")
    unmatched = Counter(recorded)
    uploads = []
    for file in files:
        unmatched[file.name, file.size, file.modified_at] -= 1
        if unmatched[file.name, file.size, file.modified_at] < 0:
            uploads.append(_skipped_upload(batch, file))
    Upload.objects.bulk_create(uploads)


def _skipped_upload(batch: Batch, file: Declared) -> Upload:
    """Returns the skipped upload. The server, not the client, decides what is a companion: other files may be unique copies."""
    reason = rejections.COMPANION if extensions.is_companion(file.raw_name) else rejections.LEFT_OUT
    upload = _upload_for(batch, file)
    upload.state, upload.code, upload.message = UploadState.SKIPPED, reason.code, reason.message
    upload.ended_at = timezone.now()
    return upload


def recreate(ended: Upload, file: Declared) -> Upload:
    """Replaces a cancelled, expired or rejected upload of a running batch by a new one, when its file is sent again."""
    with transaction.atomic():
        upload = _upload_for(ended.batch, file)
        upload.save(force_insert=True)
        ended.delete()
    return upload


def set_checksum(upload: Upload, sha256: str) -> None:
    """Stores the SHA-256 that the client computed after declaring the file."""
    Upload.objects.receiving().filter(pk=upload.pk).update(declared_sha256=sha256)
    upload.declared_sha256 = sha256


def touch(upload: Upload, arrived: int) -> None:
    """Stores that `arrived` bytes have arrived, and renews the expiry of all receiving uploads of the batch."""
    receiving, expiry = Upload.objects.receiving(), _expiry()
    if receiving.filter(pk=upload.pk).update(arrived=arrived, expires_at=expiry):
        upload.arrived, upload.expires_at = arrived, expiry
    renewal_due = expiry - timedelta(seconds=BATCH_TOUCH_FRACTION * settings.UPLOAD_EXPIRY_SECONDS)
    receiving.filter(batch=upload.batch_id, expires_at__lt=renewal_due).update(expires_at=expiry)


def keep_alive(batch: int) -> None:
    """Renews the expiry of all receiving uploads of a batch."""
    Upload.objects.receiving().filter(batch=batch).update(expires_at=_expiry())


def set_size(upload: Upload, size: int) -> None:
    """Stores the size of an upload that was created without one."""
    Upload.objects.receiving().filter(pk=upload.pk, size=None).update(size=size)
    upload.size = size


def touch_seconds() -> float:
    """Returns the maximum interval between calls of touch() while bytes arrive: well below the expiry time."""
    return min(MAX_TOUCH_INTERVAL_SECONDS, settings.UPLOAD_EXPIRY_SECONDS / 4)


def finish(upload: Upload, size: int, sha256: str) -> ProcessingJob | None:
    """Acknowledges a file whose bytes are durable at upload.key: marks it received and creates its job, in one transaction.

    Returns None if there is nothing to develop: the album already has these bytes (the upload is rejected as a duplicate), they
    are not the declared ones, the file is a companion without a picture, or the upload was cancelled or expired meanwhile.
    Idempotent.
    """
    if skipped_files.is_companion(upload, size):
        if not skip(upload, rejections.COMPANION, size=size, sha256=sha256):
            _delete_if_unwanted(upload)
        return None
    with transaction.atomic():
        if not sql.lock_album(upload.album_id):
            removal.clear_after_commit([upload.key])  # the album was deleted with all its uploads
            return None
        has_same_bytes, has_same_name = known_files.matches(upload, sha256)
        if has_same_bytes and (known_file := known_files.find(upload, sha256)):
            reject_known(upload, known_file, size=size, sha256=sha256)
            return None
        if upload.declared_sha256 not in ("", sha256):
            reject(upload, rejections.NOT_AS_DECLARED, size=size, sha256=sha256)
            return None
        note = " ".join(filter(None, (upload.note, SAME_NAME_NOTE if has_same_name else "")))
        if not _end(upload, UploadState.RECEIVED, size=size, sha256=sha256, note=note):
            _delete_if_unwanted(upload)
            return None
        if has_same_bytes:
            _replace_failures(upload, sha256)
        return jobs.create(upload)


def reject(upload: Upload, reason: RejectionReason, **fields: object) -> bool:
    """Ends an upload as rejected, with the reason, and deletes its bytes. False if it had ended before."""
    if reason.code == rejections.EMPTY.code and extensions.is_companion(upload.name):  # `.nomedia` is always empty
        return skip(upload, rejections.COMPANION, **fields)
    return _end_without_photo(upload, UploadState.REJECTED, reason, **fields)


def reject_known(upload: Upload, known_file: KnownFile, **fields: object) -> None:
    """Rejects a file that the album has already, by its bytes. Restores their photo if it is in the trash."""
    if known_file.photo:
        trash.restore(known_file.photo)
    reject(upload, known_file.reason, duplicate_of=known_file.photo, **fields)


def skip(upload: Upload, reason: RejectionReason, **fields: object) -> bool:
    """Ends an upload as skipped, which is no failure, and deletes its bytes. False if it had ended before."""
    return _end_without_photo(upload, UploadState.SKIPPED, reason, **fields)


def cancel(upload: Upload, code: str, message: str) -> bool:
    return _end_without_photo(upload, UploadState.CANCELLED, RejectionReason(code, message))


def withdraw(upload: Upload) -> bool:
    """Deletes a receiving upload and its bytes, because the user is asked about its file first. False if it had ended."""
    with transaction.atomic():
        if not cancel(upload, "withdrawn", ""):
            return False
        Upload.objects.filter(pk=upload.pk).delete()
    return True


def expire(upload: Upload) -> bool:
    """Expires an upload that is idle or abandoned. Returns False, and changes nothing, if it was touched meanwhile."""
    if Upload.objects.idle().filter(pk=upload.pk).exists():
        return _end_without_photo(upload, UploadState.EXPIRED, rejections.EXPIRED)
    is_abandoned = Upload.objects.abandoned().filter(pk=upload.pk).exists()
    return is_abandoned and _end_without_photo(upload, UploadState.EXPIRED, rejections.CUT_OFF)


def reclaim(upload: Upload, seconds: float) -> bool:
    """Expires an upload that received nothing for `seconds`, to free its space. Returns False if it was touched meanwhile."""
    is_quiet = Upload.objects.quiet(seconds).filter(pk=upload.pk).exists()
    return is_quiet and _end_without_photo(upload, UploadState.EXPIRED, rejections.RECLAIMED)


def _end_without_photo(upload: Upload, target: UploadState, reason: RejectionReason, **fields: object) -> bool:
    with transaction.atomic():
        ended = _end(upload, target, code=reason.code, message=reason.message, **fields)
        if ended:
            removal.clear_after_commit([upload.key])
            batch_completion.finish_after_commit(upload.batch_id)
            if reason.code in IS_A_PHOTO:
                grouping.link_duplicate(upload)
            if upload.multipart_id:
                transaction.on_commit(lambda: _abort(upload), robust=True)
    return ended


def _abort(upload: Upload) -> None:
    """Deletes the parts in the bucket. Skipped while the bucket is unavailable: the sweep deletes them later."""
    if store().is_available():
        s3_multipart.abort(upload.key, upload.multipart_id)


def _end(upload: Upload, target: UploadState, **fields: object) -> bool:
    """Ends an upload in one guarded UPDATE. False if it had ended before."""
    fields = {"state": target, "ended_at": timezone.now(), **fields}
    if not Upload.objects.receiving().filter(pk=upload.pk).update(**fields):
        return False
    for field, value in fields.items():
        setattr(upload, field, value)
    record.upload_ended(target, (upload.size or 0) if target == UploadState.RECEIVED else 0)
    return True


def _delete_if_unwanted(upload: Upload) -> None:
    """Deletes bytes that arrived after their upload ended. A received upload keeps them: they are its raw file."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
        removal.clear_after_commit([upload.key])


def _upload_for(batch: Batch, file: Declared) -> Upload:
    return Upload(
        batch=batch,
        album_id=batch.album_id,
        name=file.name,
        folder=file.folder,
        size=file.size,
        modified_at=file.modified_at,
        declared_sha256=file.sha256,
        note=filenames.was_changed_note(file.raw_name),
        expires_at=_expiry(),
    )


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)


def _replace_failures(upload: Upload, sha256: str) -> None:
    """Dismisses failed jobs with the same bytes: the user sent the file again, and its new job replaces them."""
    failed = ProcessingJob.objects.failed().filter(album_id=upload.album_id, upload__sha256=sha256)
    for job in failed.exclude(upload=upload):
        jobs.dismiss(job, by="sent again")
