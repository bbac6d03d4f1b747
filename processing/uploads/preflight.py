"""Compares a declared batch with the album before any byte is sent: duplicates, resumable uploads, and new files."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from albums.models import Album
from processing.jobs import batch_completion, grouping, name_matching
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState
from processing.uploads import batches, lifecycle, rejections
from processing.uploads.batches import AlbumBusy
from processing.uploads.duplicate_index import (
    NOT_ASKING,
    Asking,
    DuplicateIndex,
    FilePlan,
    PreflightResult,
    dedup_key,
    result_of,
)
from processing.uploads.manifest import Choice, Declared
from processing.uploads.rejections import RejectionReason
from processing.uploads.tus import session as tus_session


@dataclass(frozen=True, slots=True)
class Declaration:
    """`batch` is the batch that keeps the album busy, if any. `plans` are the results, in the order of the files."""

    batch: Batch | None
    plans: tuple[FilePlan, ...]

    def bytes_expected(self, files: Sequence[Declared]) -> int:
        """Returns the total size of the files that are to be sent. `files` must be the list that was compared."""
        plans = zip(files, self.plans, strict=True)
        return sum(file.size for file, plan in plans if plan.reason is None and not plan.is_held)


NEXT_BATCH = FilePlan(PreflightResult.LATER)
RESENDABLE_CODES = (rejections.NOT_AS_DECLARED.code, rejections.CUT_OFF.code, rejections.DISK_FULL.code)
"""Refusals after which the same file may be sent again."""


def compare(album: Album, user: User, files: Sequence[Declared], asking: Asking = NOT_ASKING) -> Declaration:
    """Compares the files with the album. Writes nothing and needs no lock, so it works while another batch is running."""
    running = batches.running_in(album)
    uploads = _BatchUploads(running if running and running.opened_by_id == user.pk else None)
    index = DuplicateIndex(album, user, files, asking)
    plans = [_standing(upload) if (upload := uploads.take(file)) else index.answer(file) for file in files]
    return Declaration(running, _with_offsets(plans))


def declare(
    album: Album,
    user: User,
    files: Sequence[Declared],
    skipped: Sequence[Declared] = (),
    asking: Asking = NOT_ASKING,
) -> Declaration:
    """Opens a batch with an upload for each new file, or matches the files with the user's running batch and continues that.

    `skipped` files are recorded in that batch if any of the files belongs to it. Idempotent.
    Raises AlbumBusy if another user's batch is running.
    """
    with transaction.atomic():
        batches.lock_album(album.pk)
        index = DuplicateIndex(album, user, files, asking)
        batch = batches.running_after_release(album)
        if batch and batch.opened_by_id != user.pk:
            raise AlbumBusy(batch)
        if batch:
            plans = list(_join(batch, files, index))
            # A request that only continues the list of skipped files has no others.
            is_same_batch = not files or any(plan.upload for plan in plans)
        else:
            plans = [index.answer(file) for file in files]
            if not all(plan.is_held for plan in plans):
                batch = Batch.objects.create(album=album, opened_by=user, source=Batch.Source.PAGE)
                _open(batch, files, plans, index)
            is_same_batch = True
        if batch and skipped and is_same_batch:
            lifecycle.record_skipped(batch, skipped)
    return Declaration(batch, tuple(map(_finish_if_whole, _with_offsets(plans))))


def _open(batch: Batch, files: Sequence[Declared], plans: list[FilePlan], index: DuplicateIndex) -> None:
    """Creates or rejects an upload for each file without an open question, and updates `plans`."""
    accepted = [number for number, plan in enumerate(plans) if plan.reason is None and not plan.is_held]
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
            index.restore(plan)
            rejected.append(lifecycle.record_rejected(batch, file, plan.reason, plan.photo))
    for upload in rejected:
        if name_matching.is_sidecar(upload.name) and not upload.duplicate_of and upload.code in IS_A_PHOTO:
            grouping.link_duplicate(upload)  # it had no photo when it arrived first
    if not accepted:
        batch_completion.finish_after_commit(batch.pk)


def _join(batch: Batch, files: Sequence[Declared], index: DuplicateIndex) -> Iterator[FilePlan]:
    """Yields a result for each file: files of the batch continue or are sent again, others must wait for the next batch."""
    uploads = _BatchUploads(batch)
    for file in files:
        upload = uploads.take(file)
        if upload and upload.state == UploadState.RECEIVING:
            yield _with_checksum(upload, file, uploads, index)
        elif upload and not _is_resendable(upload):
            yield _standing(upload)
        else:
            yield _join_unexpected(batch, file, index, upload)


def _join_unexpected(batch: Batch, file: Declared, index: DuplicateIndex, ended: Upload | None) -> FilePlan:
    """Returns the result for a file that the batch does not expect, or whose upload has `ended` and may be sent again.

    What the user decided about the file is recorded in the batch.
    """
    if question := index.question(file):
        return question
    if ended and file.choice in (Choice.UNDECIDED, Choice.UPLOAD):
        return FilePlan(PreflightResult.NEW, lifecycle.recreate(ended, file))
    plan = index.answer(file)
    index.restore(plan)
    if plan.reason and file.choice:
        lifecycle.record_rejected(batch, file, plan.reason, plan.photo)
        if ended:
            ended.delete()
    return plan if plan.reason else NEXT_BATCH


def _with_checksum(upload: Upload, file: Declared, uploads: "_BatchUploads", index: DuplicateIndex) -> FilePlan:
    """Refuses a receiving upload if its checksum, now declared for the first time, shows that it is a duplicate."""
    if not file.sha256 or upload.declared_sha256:
        return _standing(upload)
    question = index.question(file)
    # Bytes that have arrived from a file that is elsewhere too are not thrown away.
    is_worth_asking = question and (question.result == PreflightResult.TRASH or not upload.arrived)
    if question and is_worth_asking and lifecycle.withdraw(upload):
        return question
    if known_file := index.known.find(file.name, file.sha256):
        lifecycle.reject_known(upload, known_file, sha256=file.sha256)
        return FilePlan(result_of(known_file.reason), reason=known_file.reason, photo=known_file.photo)
    if twin := uploads.by_checksum.get(dedup_key(file)):
        reason = rejections.TWICE.filled(name=twin.name)
        lifecycle.reject(upload, reason, sha256=file.sha256)
        return FilePlan(PreflightResult.TWICE, reason=reason)
    lifecycle.set_checksum(upload, file.sha256)
    uploads.by_checksum[dedup_key(file)] = upload
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
    return FilePlan(result_of(reason), reason=reason, photo=upload.duplicate_of)


def _received(upload: Upload) -> FilePlan:
    """Returns the result for a received upload, with its photo or the error of its failed job."""
    job: ProcessingJob | None = getattr(upload, "job", None)  # None if the job was deleted
    if job is None:
        return FilePlan(PreflightResult.RECEIVED, upload)
    failure = RejectionReason(job.error_code, job.error_message) if job.state == JobState.FAILED else None
    return FilePlan(PreflightResult.RECEIVED, upload, reason=failure, photo=job.photo)


def _is_resendable(upload: Upload) -> bool:
    return upload.state in (UploadState.CANCELLED, UploadState.EXPIRED) or upload.code in RESENDABLE_CODES


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
                self.by_checksum.setdefault(dedup_key(upload), upload)

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
