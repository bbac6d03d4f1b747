"""Compares a declared batch with the album before any byte is sent: duplicates, resumable uploads, and new files."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from albums import trash
from albums.models import Album, Photo
from processing.jobs import batch_completion, grouping, name_matching
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, known_files, lifecycle, rejections
from processing.uploads.batches import AlbumBusy
from processing.uploads.known_files import KnownFiles
from processing.uploads.manifest import Declared
from processing.uploads.rejections import RejectionReason
from processing.uploads.tus import session as tus_session


class PreflightResult(StrEnum):
    """The result of the comparison for one declared file."""

    NEW = "new"
    HALF = "half"
    RECEIVED = "received"
    HERE = "here"
    TWICE = "twice"
    ELSEWHERE = "elsewhere"
    TRASH = "trash"
    REJECTED = "refused"
    SKIPPED = "skipped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class FilePlan:
    """The result for one file. The client sends its bytes to `upload`, starting at `offset`. `photo` has the same bytes.

    `reason` is the reason why the file is not to be sent, or why a received file did not become a photo.
    """

    result: PreflightResult
    upload: Upload | None = None
    offset: int = 0
    reason: RejectionReason | None = None
    photo: Photo | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """`batch` is the batch that keeps the album busy, if any. `plans` are the results, in the order of the files."""

    batch: Batch | None
    plans: tuple[FilePlan, ...]

    def bytes_expected(self, files: Sequence[Declared]) -> int:
        """Returns the total size of the files that are to be sent. `files` must be the list that was compared."""
        return sum(file.size for file, plan in zip(files, self.plans, strict=True) if plan.reason is None)


NEXT_BATCH = FilePlan(PreflightResult.LATER)
RESENDABLE_CODES = (rejections.NOT_AS_DECLARED.code, rejections.CUT_OFF.code, rejections.DISK_FULL.code)
"""Refusals after which the same file may be sent again."""


def compare(album: Album, user: User, files: Sequence[Declared]) -> Declaration:
    """Compares the files with the album. Writes nothing and needs no lock, so it works while another batch is running."""
    running = batches.running_in(album)
    uploads = _BatchUploads(running if running and running.opened_by_id == user.pk else None)
    index = _DuplicateIndex(album, user, files)
    plans = [_standing(upload) if (upload := uploads.take(file)) else index.answer(file) for file in files]
    return Declaration(running, _with_offsets(plans))


def declare(album: Album, user: User, files: Sequence[Declared], skipped: Sequence[Declared] = ()) -> Declaration:
    """Opens a batch with an upload for each new file, or matches the files with the user's running batch and continues that.

    `skipped` files are recorded in that batch if any of the files belongs to it. Idempotent.
    Raises AlbumBusy if another user's batch is running.
    """
    with transaction.atomic():
        batches.lock_album(album.pk)
        index = _DuplicateIndex(album, user, files)
        batch = batches.running_after_release(album)
        if batch and batch.opened_by_id != user.pk:
            raise AlbumBusy(batch)
        if batch:
            plans = list(_join(batch, files, index))
            # A request that only continues the list of skipped files has no others.
            is_same_batch = not files or any(plan.upload for plan in plans)
        else:
            batch = Batch.objects.create(album=album, opened_by=user, source=Batch.Source.PAGE) if files else None
            plans = _open(batch, files, index) if batch else []
            is_same_batch = True
        if batch and skipped and is_same_batch:
            lifecycle.record_skipped(batch, skipped)
    return Declaration(batch, tuple(map(_finish_if_whole, _with_offsets(plans))))


def _open(batch: Batch, files: Sequence[Declared], index: "_DuplicateIndex") -> list[FilePlan]:
    plans = [index.answer(file) for file in files]
    accepted = [number for number, plan in enumerate(plans) if plan.reason is None]
    for count, number in enumerate(accepted, 1):
        if reason := batches.limit_rejection(count):
            plans[number] = FilePlan(PreflightResult.REJECTED, reason=reason)
    accepted = [number for number in accepted if plans[number].reason is None]
    for number, upload in zip(
        accepted, lifecycle.create_many(batch, [files[number] for number in accepted]), strict=True
    ):
        plans[number] = replace(plans[number], upload=upload)
    rejected = []
    for file, plan in zip(files, plans, strict=True):
        if plan.reason:
            _restore(plan)
            rejected.append(lifecycle.record_rejected(batch, file, plan.reason, plan.photo))
    for upload in rejected:
        if name_matching.is_sidecar(upload.name) and not upload.duplicate_of and upload.code in IS_A_PHOTO:
            grouping.link_duplicate(upload)  # it had no photo when it arrived first
    if not accepted:
        batch_completion.finish_after_commit(batch.pk)
    return plans


def _join(batch: Batch, files: Sequence[Declared], index: "_DuplicateIndex") -> Iterator[FilePlan]:
    """Yields a result for each file: files of the batch continue or are sent again, others must wait for the next batch."""
    uploads = _BatchUploads(batch)
    for file in files:
        upload = uploads.take(file)
        if upload is None:
            plan = index.answer(file)
            _restore(plan)
            yield plan if plan.reason else NEXT_BATCH
        elif upload.state == UploadState.RECEIVING:
            yield _with_checksum(upload, file, uploads, index)
        elif _is_resendable(upload):
            yield FilePlan(PreflightResult.NEW, lifecycle.recreate(upload, file))
        else:
            yield _standing(upload)


def _restore(plan: FilePlan) -> None:
    """Restores the photo that makes the file superfluous, or whose companion does, if it is in the trash."""
    if plan.reason and plan.photo and plan.photo.trashed_at:
        trash.restore(plan.photo)


def _with_checksum(upload: Upload, file: Declared, uploads: "_BatchUploads", index: "_DuplicateIndex") -> FilePlan:
    """Refuses a receiving upload if its checksum, now declared for the first time, shows that it is a duplicate."""
    if not file.sha256 or upload.declared_sha256:
        return _standing(upload)
    if known := index.known.find(file.name, file.sha256):
        lifecycle.reject_known(upload, known, sha256=file.sha256)
        return FilePlan(_of(known.reason), reason=known.reason, photo=known.photo)
    if twin := uploads.by_checksum.get(_dedup_key(file)):
        reason = rejections.TWICE.filled(name=twin.name)
        lifecycle.reject(upload, reason, sha256=file.sha256)
        return FilePlan(PreflightResult.TWICE, reason=reason)
    lifecycle.set_checksum(upload, file.sha256)
    uploads.by_checksum[_dedup_key(file)] = upload
    return _standing(upload)


def _standing(upload: Upload) -> FilePlan:
    match upload.state:
        case UploadState.RECEIVING:
            return FilePlan(PreflightResult.NEW, upload)
        case UploadState.RECEIVED:
            return _received(upload)
    if _is_resendable(upload):
        return FilePlan(PreflightResult.NEW)
    reason = RejectionReason(upload.code, upload.message)
    return FilePlan(_of(reason), reason=reason, photo=upload.duplicate_of)


def _received(upload: Upload) -> FilePlan:
    """Returns the result for a received upload, with its photo or the error of its failed job."""
    job: ProcessingJob | None = getattr(upload, "job", None)  # None if the job was deleted
    if job is None:
        return FilePlan(PreflightResult.RECEIVED, upload)
    failure = RejectionReason(job.error_code, job.error_message) if job.state == JobState.FAILED else None
    return FilePlan(PreflightResult.RECEIVED, upload, reason=failure, photo=job.photo)


def _is_resendable(upload: Upload) -> bool:
    return upload.state in (UploadState.CANCELLED, UploadState.EXPIRED) or upload.code in RESENDABLE_CODES


def _of(reason: RejectionReason) -> PreflightResult:
    matches = {
        rejections.DUPLICATE.code: PreflightResult.HERE,
        rejections.RESTORED.code: PreflightResult.TRASH,
        rejections.COMPANION.code: PreflightResult.SKIPPED,
    }
    return matches.get(reason.code, PreflightResult.REJECTED)


def _with_offsets(plans: Sequence[FilePlan]) -> tuple[FilePlan, ...]:
    """Reads the offsets from the files on disk: call it outside of transactions."""
    return tuple(map(_with_offset, plans))


def _with_offset(plan: FilePlan) -> FilePlan:
    if plan.upload is None:
        return plan
    if plan.result == PreflightResult.RECEIVED:
        return replace(plan, offset=plan.upload.size or 0)
    offset = tus_session.arrived(plan.upload)
    return replace(plan, offset=offset, result=PreflightResult.HALF) if offset else plan


def _finish_if_whole(plan: FilePlan) -> FilePlan:
    """Finishes an upload that arrived in full but was never acknowledged, so that the client does not send it again."""
    upload = plan.upload
    if upload is None or plan.result != PreflightResult.HALF or plan.offset != upload.size:
        return plan
    tus_session.offset(upload)
    upload.refresh_from_db()
    return _with_offset(_standing(upload))


class _BatchUploads:
    """The uploads of a batch. Each matches one file at most."""

    def __init__(self, batch: Batch | None) -> None:
        """Ignores files that were left out of a folder: a client that sends such a file later gets a new upload."""
        left_out = Q(state=UploadState.SKIPPED) & ~Q(code=rejections.COMPANION.code)
        batch_uploads = (batch.uploads if batch else Upload.objects.none()).exclude(left_out)
        uploads = batch_uploads.select_related("batch", "duplicate_of", "job__photo").order_by("created_at", "pk")
        self.by_checksum: dict[tuple[str, str], Upload] = {}
        self._by_id = {upload.pk: upload for upload in uploads}
        self._by_name_and_size: dict[tuple[str, int | None], list[Upload]] = defaultdict(list)
        for upload in self._by_id.values():
            self._by_name_and_size[upload.name, upload.size].append(upload)
            if upload.state in (UploadState.RECEIVING, UploadState.RECEIVED) and (
                upload.sha256 or upload.declared_sha256
            ):
                self.by_checksum.setdefault(_dedup_key(upload), upload)

    def take(self, file: Declared) -> Upload | None:
        """Removes and returns the upload of this file: by id if the client sent one, otherwise by name and size."""
        by_id = [self._by_id[file.upload]] if file.upload in self._by_id else []
        candidates = sorted(
            self._by_name_and_size[file.name, file.size], key=lambda upload: upload.folder != file.folder
        )
        for upload in (*by_id, *candidates):
            if upload.pk in self._by_id and _is_same_file(upload, file):
                return self._by_id.pop(upload.pk)
        return None


def _is_same_file(upload: Upload, file: Declared) -> bool:
    """Compares the checksum or modification time too: the rest of a changed file must not be appended to its old first half."""
    checksum = upload.declared_sha256 or upload.sha256
    if upload.size != file.size or (checksum and file.sha256 and checksum != file.sha256):
        return False
    if checksum and file.sha256:
        return True
    return not (upload.modified_at and file.modified_at) or upload.modified_at == file.modified_at


class _DuplicateIndex:
    """Files with the same bytes as the declared ones, found by three queries for any number of files."""

    def __init__(self, album: Album, user: User, files: Sequence[Declared]) -> None:
        checksums = {file.sha256 for file in files if file.sha256}
        self.known = KnownFiles(album.pk, checksums)
        photos_elsewhere = Photo.objects.filter(original_sha256__in=checksums).visible_to(user).exclude(album=album)
        self._elsewhere = {photo.original_sha256: photo for photo in photos_elsewhere.select_related("album")}
        self._names: dict[tuple[str, str], str] = {}

    def answer(self, file: Declared) -> FilePlan:
        """Returns the result for a file that no batch expects. Call it in the files' order: the second of two is rejected."""
        if reason := _rejection_reason(file):
            return FilePlan(_of(reason), reason=reason)
        if known := self.known.find(file.name, file.sha256):
            return FilePlan(_of(known.reason), reason=known.reason, photo=known.photo)
        key = _dedup_key(file)
        if name := self._names.get(key):
            return FilePlan(PreflightResult.TWICE, reason=rejections.TWICE.filled(name=name))
        if file.sha256:
            self._names[key] = file.name
        if photo := self._elsewhere.get(file.sha256):
            return FilePlan(PreflightResult.ELSEWHERE, photo=photo)
        return FilePlan(PreflightResult.NEW)


def _dedup_key(file: Declared | Upload) -> tuple[str, str]:
    sha256 = file.sha256 if isinstance(file, Declared) else file.sha256 or file.declared_sha256
    return known_files.dedup_key(file.name, sha256)


def _rejection_reason(file: Declared) -> RejectionReason | None:
    if extensions.is_companion(file.raw_name):
        return rejections.COMPANION
    if not file.size:
        return rejections.EMPTY
    return rejections.too_large(settings.MAX_FILE_BYTES) if file.size > settings.MAX_FILE_BYTES else None
