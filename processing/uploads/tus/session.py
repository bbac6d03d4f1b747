"""Resumable uploads. The offset is derived from the size of the file on disk and stored nowhere else.

While a large part with a checksum arrives, the file also contains bytes that are not verified yet (chunk.py).

Every request that reads the offset, appends or terminates takes the upload over with a new fence token. Late bytes of the
previous writer are ignored, so there is no lock that could get stuck.
"""

import logging
from contextlib import closing
from datetime import datetime

from django.conf import settings

from processing.capacity import admission, staging_quota
from processing.models import Upload
from processing.models.states import IS_A_PHOTO, UploadState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import PartialFile
from processing.storage.storage_errors import StorageError
from processing.uploads import lifecycle, problems, rejections
from processing.uploads.body.request_body import Body
from processing.uploads.direct import multipart
from processing.uploads.problems import HttpProblem, shortage_error
from processing.uploads.tus import finalize, protocol
from processing.uploads.tus.chunk import PartReceiver
from processing.uploads.tus.protocol import PartHeaders

log = logging.getLogger(__name__)


def offset(upload: Upload) -> int:
    """Returns the offset and fences off every previous writer. Finishes a complete upload if that failed before."""
    if (final_offset := _final_offset(upload)) is not None:
        return final_offset
    if multipart.abandon(upload):
        return upload.size or 0
    with _open_partial(upload) as partial_file:
        offset_on_disk = partial_file.fence()
        if offset_on_disk == upload.size:
            finalize.finalize(upload, partial_file)
        elif offset_on_disk:
            partial_file.sync()  # an interrupted writer may not have synced, and the returned bytes must survive a power cut
    return offset_on_disk


def receive(upload: Upload, part: PartHeaders, body: Body, length: int | None) -> int:
    """Appends a body with a declared length of `length` bytes (None if unknown). Returns the new offset.

    Raises problems.HttpProblem with the valid offset. Bytes that arrived before a broken connection are kept, unless the part has
    a checksum.
    """
    if (final_offset := _final_offset(upload)) is not None:
        if part.offset == final_offset and not length:
            return final_offset
        raise HttpProblem(problems.FINISHED, final_offset)
    if multipart.abandon(upload):
        raise HttpProblem(problems.FINISHED, upload.size)
    with _open_partial(upload) as partial_file:
        _take_over(upload, partial_file, part.offset)
        _set_deferred_length(upload, part.length, part.offset)
        if upload.size == 0:
            lifecycle.reject(upload, rejections.EMPTY)
        room = (settings.MAX_FILE_BYTES if upload.size is None else upload.size) - part.offset
        if length is not None and length > room:
            raise HttpProblem(problems.TOO_LARGE, part.offset)
        if upload.size == 0:
            return 0
        _ensure_capacity(upload, part.offset, length or 0)
        return PartReceiver(upload, partial_file, part, body, room, length).receive()


def arrived(upload: Upload) -> int:
    """Returns the number of bytes that have arrived. Unlike offset(), it fences off no writer."""
    if upload.multipart_id or not _may_be_whole(upload):
        return upload.arrived
    return store().grow(upload.key).offset()


def ensure_room(more: int, offset: int | None = None, *, user: int | None, file_size: int | None) -> None:
    """Raises problems.HttpProblem, with `offset`, if the server has no room for the first `more` bytes of a file of this user.

    `begins` is the size of the whole file, None if unknown.
    """
    if shortage := admission.for_new_file(more, staging_quota.reserved(file_size), user):
        raise shortage_error(shortage, offset)


def terminate(upload: Upload) -> None:
    """Cancels an upload on the client's request. Raises problems.HttpProblem if it has ended."""
    if (final_offset := _final_offset(upload)) is not None:
        raise HttpProblem(problems.FINISHED, final_offset)
    with _open_partial(upload) as partial_file:
        partial_file.fence()
    lifecycle.cancel(upload, "cancelled", "Cancelled by the uploader.")


def finish_stalled(before: datetime) -> int:
    """Finishes complete uploads that were never acknowledged and that expire earlier than `before`. Returns their number."""
    idle = Upload.objects.receiving().filter(size__gt=0, expires_at__lt=before, multipart_id="")
    return sum(_try_to_finish(upload) for upload in idle)


def _may_be_whole(upload: Upload) -> bool:
    """False if no bytes of the upload have arrived, so that the bucket need not be queried for thousands of queued uploads.

    A file that arrived in one request and could not be stored has a draft on disk, even if its row says that nothing arrived.
    """
    is_started = upload.place == storage_keys.DISK or upload.arrived > 0
    return is_started or store().exists(storage_keys.draft(upload.key))


def _try_to_finish(upload: Upload) -> bool:
    """Returns False if the storage fails, so that the sweep continues. The next sweep tries again."""
    try:
        return _finish_if_whole(upload)
    except (HttpProblem, StorageError) as error:
        log.warning("Upload %s could not be finished yet: %s", upload.pk, error)
        return False


def _finish_if_whole(upload: Upload) -> bool:
    if not _may_be_whole(upload):
        return False
    with closing(store().grow(upload.key)) as partial_file:
        if partial_file.offset() != upload.size or partial_file.fence() != upload.size:
            return False
        finalize.finalize(upload, partial_file)
    return True


def _open_partial(upload: Upload) -> "closing[PartialFile]":
    """Opens the partial file. Raises HttpProblem if the storage is unavailable: a missing file would look like offset 0."""
    if not store().is_available():
        raise shortage_error(admission.STORAGE)
    return closing(store().grow(upload.key))


def _final_offset(upload: Upload) -> int | None:
    """Returns the final offset of an upload that arrived in full, None while it is receiving.

    Duplicates and companions count as arrived. Raises problems.HttpProblem if the upload ended otherwise.
    """
    if upload.state == UploadState.RECEIVING:
        return None
    was_received = upload.state in (UploadState.RECEIVED, UploadState.SKIPPED)
    if was_received or upload.code in (*IS_A_PHOTO, rejections.EMPTY.code):
        return upload.size or 0
    raise HttpProblem(problems.GONE)


def _take_over(upload: Upload, partial_file: PartialFile, offset: int) -> None:
    """Fences off every previous writer. Raises problems.HttpProblem unless `offset` is that of the file on disk."""
    offset_on_disk = partial_file.fence()
    if offset == offset_on_disk:
        return
    if offset_on_disk and offset_on_disk == upload.size:
        finalize.finalize(upload, partial_file)  # a client that gets the final offset sends no further request
    raise HttpProblem(protocol.OFFSET_MISMATCH, offset_on_disk)


def _ensure_capacity(upload: Upload, offset: int, more: int) -> None:
    """Raises problems.HttpProblem if the server has no room for `more` bytes that follow the first `offset` ones."""
    if offset == 0:
        ensure_room(more, offset, user=upload.batch.opened_by_id, file_size=upload.size)
    elif shortage := admission.for_upload(upload, more):
        raise shortage_error(shortage, offset)


def _set_deferred_length(upload: Upload, length: int | None, offset_on_disk: int) -> None:
    """Stores the length that was deferred at creation. It can be set once."""
    if length is None or length == upload.size:
        return
    if upload.size is not None or length < offset_on_disk:
        raise HttpProblem(protocol.BAD_LENGTH, offset_on_disk)
    if length > settings.MAX_FILE_BYTES:
        raise HttpProblem(problems.TOO_LARGE, offset_on_disk)
    lifecycle.set_size(upload, length)
