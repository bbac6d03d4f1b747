"""The only writer of Upload.state. An upload is created when its first bytes are expected, and ends exactly once."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums import removal, trash
from albums.models import Companion, Photo
from processing import jobs
from processing.jobs import name_matching
from processing.lib import sql
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import ACTIVE, IS_A_PHOTO, UploadState
from processing.pipeline.formats import extensions
from processing.storage import store
from processing.storage.s3 import multipart as s3_multipart
from processing.uploads import filenames, rejections, skipped_files
from processing.uploads.manifest import Declared
from processing.uploads.rejections import Refusal

MOST_TOUCH_SECONDS = 1.0
SIBLINGS_TOUCH_SHARE = 1 / 60
"""Uploads that wait for their turn live on by those on their way. Written only so often: there may be thousands."""
NAMESAKE = "Another photo in this album has the same name. Both are kept."
KNOWN = """
    SELECT EXISTS (SELECT 1 FROM albums_photo WHERE album_id = %(album)s AND original_sha256 = %(sha256)s)
        OR EXISTS (SELECT 1 FROM albums_companion WHERE album_id = %(album)s AND sha256 = %(sha256)s)
        OR EXISTS (SELECT 1 FROM processing_upload
            WHERE album_id = %(album)s AND state = 'received' AND sha256 = %(sha256)s),
        EXISTS (SELECT 1 FROM processing_upload WHERE album_id = %(album)s AND state = 'received' AND name = %(name)s)
"""
COUNT = "SELECT COUNT(*) FILTER (WHERE state <> 'skipped'), COUNT(*) FROM processing_upload WHERE batch_id = %(batch)s"
MOST_ROWS = 20_000
"""Of one batch: with what was skipped in its folders, and what was refused."""


def count(batch: int) -> tuple[int, int]:
    """How many files of a batch there are or were: but for those that were skipped, and with them."""
    count, rows = sql.one_row(COUNT, batch=batch)
    return count, rows


def create(batch: Batch, name: str, size: int | None = None, metadata: str = "") -> Upload:
    """Expect a file, of `size` bytes if that is known. From now on until it ends, its album is busy."""
    return Upload.objects.create(
        batch=batch,
        album_id=batch.album_id,
        name=filenames.shown(name),
        folder=filenames.folder(name),
        size=size,
        metadata=metadata,
        note=filenames.note(name),
        expires_at=_expiry(),
    )


def expect(batch: Batch, files: list[Declared]) -> list[Upload]:
    """Expect all these files, in this order."""
    return Upload.objects.bulk_create(_declared(batch, file) for file in files)


def turn_away(batch: Batch, file: Declared, refusal: Refusal, photo: Photo | None = None) -> Upload:
    """A file that need not be sent, or cannot be taken, on the record of its batch. `photo` has its bytes already."""
    upload = _declared(batch, file)
    upload.state = UploadState.SKIPPED if refusal == rejections.COMPANION else UploadState.REFUSED
    upload.code, upload.message = refusal.code, refusal.message
    upload.duplicate_of, upload.sha256, upload.ended_at = photo, file.sha256, timezone.now()
    upload.save(force_insert=True)
    return upload


def note_skipped(batch: Batch, files: Iterable[Declared]) -> None:
    """Note files that their sender left out, so that the receipt tells of each. Repeating is harmless: none is noted twice."""
    there = batch.uploads.filter(state=UploadState.SKIPPED).values_list("name", "size", "modified_at")
    noted = Counter(there)
    rows = []
    for file in files:
        noted[file.name, file.size, file.modified_at] -= 1
        if noted[file.name, file.size, file.modified_at] < 0:
            rows.append(_skipped(batch, file))
    Upload.objects.bulk_create(rows)


def _skipped(batch: Batch, file: Declared) -> Upload:
    """Which are companions is decided here, not by the sender: of all others the card may hold the only copy."""
    refusal = rejections.COMPANION if extensions.is_companion(file.raw_name) else rejections.LEFT_OUT
    upload = _declared(batch, file)
    upload.state, upload.code, upload.message = UploadState.SKIPPED, refusal.code, refusal.message
    upload.ended_at = timezone.now()
    return upload


def expect_again(ended: Upload, file: Declared) -> Upload:
    """A file of a running batch that was cancelled, expired or refused is sent once more: the new upload stands for the old."""
    with transaction.atomic():
        upload = _declared(ended.batch, file)
        upload.save(force_insert=True)
        ended.delete()
    return upload


def learn_checksum(upload: Upload, sha256: str) -> None:
    """Its sender has found out what it is."""
    Upload.objects.receiving().filter(pk=upload.pk).update(declared_sha256=sha256)
    upload.declared_sha256 = sha256


def touch(upload: Upload, arrived: int) -> None:
    """So many bytes of it have arrived. No upload of its batch expires for a while: those behind it wait for their turn."""
    receiving, expiry = Upload.objects.receiving(), _expiry()
    if receiving.filter(pk=upload.pk).update(arrived=arrived, expires_at=expiry):
        upload.arrived, upload.expires_at = arrived, expiry
    nearer = expiry - timedelta(seconds=SIBLINGS_TOUCH_SHARE * settings.UPLOAD_EXPIRY_SECONDS)
    receiving.filter(batch=upload.batch_id, expires_at__lt=nearer).update(expires_at=expiry)


def keep_alive(batch: int) -> None:
    """Whoever takes these files in is alive, and none of them expires for a while."""
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

    None when there is no work: the album has these bytes already (the upload is refused as a duplicate), they are not those
    that were declared, it is a companion without a picture, or the upload was cancelled or expired meanwhile. Repeating is
    harmless.
    """
    if skipped_files.is_companion(upload, size):
        if not skip(upload, rejections.COMPANION, size=size, sha256=sha256):
            _let_go_if_unwanted(upload)
        return None
    with transaction.atomic():
        if not sql.hold(upload.album_id):
            removal.clear_after_commit([upload.key])  # it was deleted, and all its uploads with it
            return None
        is_known, has_namesake = _known(upload, sha256)
        if is_known and (twin := _twin(upload, sha256)):
            refuse(upload, twin[0], size=size, sha256=sha256, duplicate_of=twin[1])
            return None
        if upload.declared_sha256 not in ("", sha256):
            refuse(upload, rejections.NOT_AS_DECLARED, size=size, sha256=sha256)
            return None
        note = " ".join(filter(None, (upload.note, NAMESAKE if has_namesake else "")))
        if not _end(upload, UploadState.RECEIVED, size=size, sha256=sha256, note=note):
            _let_go_if_unwanted(upload)
            return None
        if is_known:
            _replace_failures(upload, sha256)
        return jobs.create(upload)


def refuse(upload: Upload, refusal: Refusal, **known: object) -> bool:
    """End an upload that cannot be taken, with its reason, and let its bytes go."""
    if refusal.code == rejections.EMPTY.code and extensions.is_companion(upload.name):  # `.nomedia` is always empty
        return skip(upload, rejections.COMPANION, **known)
    return _drop(upload, UploadState.REFUSED, refusal, **known)


def skip(upload: Upload, refusal: Refusal, **known: object) -> bool:
    """End an upload that nobody means to send, with its reason, and let its bytes go. That is no failure."""
    return _drop(upload, UploadState.SKIPPED, refusal, **known)


def cancel(upload: Upload, code: str, message: str) -> bool:
    return _drop(upload, UploadState.CANCELLED, Refusal(code, message))


def expire(upload: Upload) -> bool:
    """Give up an upload that nothing arrived of for long, or that nobody can go on with. One that was touched just now stays."""
    if Upload.objects.idle().filter(pk=upload.pk).exists():
        return _drop(upload, UploadState.EXPIRED, rejections.EXPIRED)
    is_abandoned = Upload.objects.abandoned().filter(pk=upload.pk).exists()
    return is_abandoned and _drop(upload, UploadState.EXPIRED, rejections.CUT_OFF)


def reclaim(upload: Upload, seconds: float) -> bool:
    """Give up an upload of which nothing arrived for so long, since its room is needed. One that was touched just now stays."""
    is_quiet = Upload.objects.quiet(seconds).filter(pk=upload.pk).exists()
    return is_quiet and _drop(upload, UploadState.EXPIRED, rejections.RECLAIMED)


def _drop(upload: Upload, target: UploadState, refusal: Refusal, **known: object) -> bool:
    with transaction.atomic():
        ended = _end(upload, target, code=refusal.code, message=refusal.message, **known)
        if ended:
            removal.clear_after_commit([upload.key])
            if refusal.code in IS_A_PHOTO:
                jobs.settle_double(upload)
            if upload.multipart_id:
                transaction.on_commit(lambda: _abort(upload), robust=True)
    return ended


def _abort(upload: Upload) -> None:
    """Throw its parts away: a kindness, which the sweep does otherwise. Nobody waits for a bucket that is away."""
    if store().is_there():
        s3_multipart.abort(upload.key, upload.multipart_id)


def _end(upload: Upload, target: UploadState, **changes: object) -> bool:
    """The one UPDATE that ends an upload; False when it had ended before."""
    changes = {"state": target, "ended_at": timezone.now(), **changes}
    if not Upload.objects.receiving().filter(pk=upload.pk).update(**changes):
        return False
    for name, value in changes.items():
        setattr(upload, name, value)
    return True


def _let_go_if_unwanted(upload: Upload) -> None:
    """The bytes came too late for an upload that was cancelled or expired. Of one received before, they are the raw file."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
        removal.clear_after_commit([upload.key])


def _declared(batch: Batch, file: Declared) -> Upload:
    return Upload(
        batch=batch,
        album_id=batch.album_id,
        name=file.name,
        folder=file.folder,
        size=file.size,
        modified_at=file.modified_at,
        declared_sha256=file.sha256,
        note=filenames.note(file.raw_name),
        expires_at=_expiry(),
    )


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)


def _known(upload: Upload, sha256: str) -> tuple[bool, bool]:
    """Has the album anything of these bytes, and has it a file of this name? Of nearly all that come it has neither."""
    same_bytes, same_name = sql.one_row(KNOWN, album=upload.album_id, sha256=sha256, name=upload.name)
    return bool(same_bytes), bool(same_name)


def _twin(upload: Upload, sha256: str) -> tuple[Refusal, Photo | None] | None:
    """The same bytes in the same album: as a photo, or on their way to be one."""
    if photo := Photo.objects.filter(album_id=upload.album_id, original_sha256=sha256).first():
        return duplicate(photo), photo
    same_name = Companion.objects.filter(album_id=upload.album_id, sha256=sha256, name=upload.name)
    if companion := same_name.select_related("photo").first():
        if companion.photo:
            trash.put_back(companion.photo)
        return rejections.KEPT_ALREADY.filled(name=companion.name), companion.photo
    same = ProcessingJob.objects.filter(album_id=upload.album_id, upload__sha256=sha256, state__in=ACTIVE)
    if name_matching.is_sidecar(upload.name):  # an editor may write the same words for many
        same = same.filter(original_filename=upload.name)
    if job := same.exclude(upload=upload).first():
        return rejections.TWICE.filled(name=job.original_filename), None
    return None


def _replace_failures(upload: Upload, sha256: str) -> None:
    """Whoever sends a failed file once more wants it tried once more: the new job stands for the old."""
    failed = ProcessingJob.objects.failed().filter(album_id=upload.album_id, upload__sha256=sha256)
    for job in failed.exclude(upload=upload):
        jobs.dismiss(job, by="sent again")


def duplicate(photo: Photo) -> Refusal:
    """Its album has these very bytes. Whoever sends them again wants them there: out of the trash, if that is where they are."""
    refusal = rejections.RESTORED if trash.put_back(photo) else rejections.DUPLICATE
    return refusal.filled(name=photo.name)
