"""Uploads sent straight to the bucket, in parts with presigned URLs. The only writer of Part and Upload.multipart_id.

The bucket's list of parts is authoritative. Each step writes the row, then the bucket, then the row again; the client or the
sweep may repeat it. If the bucket no longer knows a multipart upload, the file itself is checked: it may have been joined.
"""

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

from django.conf import settings

from albums import removal
from processing.capacity import admission, staging_quota
from processing.jobs import wakeup
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Part, Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.s3 import s3_multipart
from processing.storage.s3.s3_multipart import Form, StoredPart, UploadGone
from processing.uploads import lifecycle, problems, rejections
from processing.uploads.problems import HttpProblem, Problem

MIN_PART_BYTES = 5 << 20
"""The minimum size that S3 accepts for any part but the last."""
DEFAULT_PART_BYTES = 8 << 20
MAX_PARTS = 10_000
MAX_SYNC_READBACK_BYTES = 64 << 20
"""Larger files are read back by a worker instead of during the request."""
FORM_SUFFIX = ".sent"
"""Suffix of the key that a form posts to. The form may be posted again while its signature is valid, and must not overwrite a
received file."""

BAD_PART = Problem(
    HTTPStatus.BAD_REQUEST, "bad-part", f"Part numbers must be 1 to {MAX_PARTS}, and each part needs a size."
)
INCOMPLETE = Problem(
    HTTPStatus.CONFLICT, "parts-missing", "Some parts are missing. List the stored parts and send the others."
)


def is_direct(upload: Upload) -> bool:
    """True if the client may send the upload's bytes straight to the bucket."""
    return upload.state == UploadState.RECEIVING and upload.place == storage_keys.BUCKET == locations.for_new()


def part_bytes(size: int | None) -> int:
    """Returns the recommended part size for a file of `size` bytes."""
    min_bytes = -(-(size or 0) // MAX_PARTS)
    return max(DEFAULT_PART_BYTES, -(-min_bytes // MIN_PART_BYTES) * MIN_PART_BYTES)


def begin(upload: Upload) -> None:
    """Starts a multipart upload in the bucket, unless one has started. Raises HttpProblem if the upload has ended."""
    _ensure_receiving(upload)
    if upload.multipart_id:
        return
    multipart_id = s3_multipart.begin(upload.key)
    failpoints.reach(Point.PARTS_BEGUN)
    if not Upload.objects.receiving().filter(pk=upload.pk, multipart_id="").update(multipart_id=multipart_id):
        s3_multipart.abort(upload.key, multipart_id)  # another request started one, or the upload has ended
    upload.refresh_from_db()
    _ensure_receiving(upload)


def sign(upload: Upload, number: int, size: int | None = None) -> str:
    """Returns the presigned URL for a part, of exactly `size` bytes if given. Raises HttpProblem.

    Also records the parts that the bucket already has.
    """
    _ensure_receiving(upload)
    if not 1 <= number <= MAX_PARTS or size == 0:
        raise HttpProblem(BAD_PART)
    if size is not None and size > (upload.size or settings.MAX_FILE_BYTES):
        raise HttpProblem(problems.TOO_LARGE)
    if not staging_quota.may_continue(upload, staging_quota.reserved(size)):
        raise problems.shortage_error(admission.OWN_STAGING)
    if number > 1 and sum(part.size for part in list_parts(upload)) >= (upload.size or settings.MAX_FILE_BYTES):
        raise HttpProblem(problems.TOO_LARGE)
    lifecycle.touch(upload, upload.arrived)
    begin(upload)
    Part.objects.update_or_create(
        upload=upload, number=number, defaults={"size": size, "etag": "", "state": Part.State.EXPECTED}
    )
    return s3_multipart.sign(upload.key, upload.multipart_id, number, size)


def form(upload: Upload) -> Form:
    """Returns a presigned form for posting the whole file. The client does not report the end: the sweep finds the file."""
    _ensure_receiving(upload)
    Part.objects.get_or_create(upload=upload, number=Part.WHOLE)
    return s3_multipart.form(upload.key + FORM_SUFFIX, upload.size or 1, upload.size or settings.MAX_FILE_BYTES)


def list_parts(upload: Upload) -> list[StoredPart]:
    """Returns the parts in the bucket and records them. If they were joined already, returns the parts recorded last.

    Raises HttpProblem if the upload has ended.
    """
    _ensure_receiving(upload)
    parts = _list_parts(upload)
    if parts is None:
        parts = _recorded_parts(upload)
    lifecycle.touch(upload, upload.arrived)
    return parts


def touch(upload: Upload, arrived: int) -> None:
    """Stores the progress that the client reports: the bucket does not list a part before it is complete."""
    _ensure_receiving(upload)
    lifecycle.touch(upload, min(arrived, upload.size or arrived))


def complete(upload: Upload, sha256: str = "") -> bool:
    """Joins the parts after the client sent the last one. True if the upload has ended, False if a worker reads it back first.

    Raises HttpProblem if parts are missing, or larger in total than the file.
    """
    if upload.state != UploadState.RECEIVING:
        return True
    if sha256 and not upload.declared_sha256:
        lifecycle.set_checksum(upload, sha256)
    parts = _list_parts(upload)
    if parts is not None:
        _join_parts(upload, parts)
    elif not _is_stored_whole(upload):
        raise HttpProblem(INCOMPLETE)
    elif _is_large(upload):
        return False  # a worker was notified after joining; if that was lost, the sweep finishes it
    return _read_back(upload)


def finish(upload: Upload) -> bool:
    """Reads the file back once and acknowledges it, or rejects it if it differs from its declaration. False if it is missing."""
    digest = s3_multipart.digest(upload.key, _TouchUpload(upload))
    if digest is None:
        return False
    if not digest.size:
        lifecycle.reject(upload, rejections.EMPTY, size=0)
    elif upload.size not in (None, digest.size):
        lifecycle.reject(upload, rejections.NOT_AS_DECLARED, size=digest.size, sha256=digest.sha256)
    else:
        lifecycle.finish(upload, digest.size, digest.sha256)
    _delete_parts(upload)
    return True


def finish_by_id(pk: uuid.UUID) -> None:
    """Hands over an upload in a worker. Does nothing if the upload has ended meanwhile."""
    if upload := Upload.objects.receiving().filter(pk=pk).first():
        finish(upload)


def abort(upload: Upload) -> None:
    """Cancels the upload at the client's request. Raises HttpProblem if it has ended."""
    _ensure_receiving(upload)
    lifecycle.cancel(upload, "cancelled", "Cancelled by the uploader.")
    _delete_parts(upload)


def finish_if_complete(upload: Upload) -> bool:
    """Finishes an upload that the client sent in full but did not complete. False if bytes are missing."""
    if not _is_stored_whole(upload):
        parts = _list_parts(upload) or []
        if not parts or sum(part.size for part in parts) != upload.size:
            return False
        _join_parts(upload, parts)
    return _read_back(upload)


def delete_finished_parts() -> None:
    """Deletes the Part rows of uploads that have ended."""
    Part.objects.exclude(upload__state=UploadState.RECEIVING).delete()


def abandon(upload: Upload) -> bool:
    """Discards the parts, since the client restarts the upload through the server. True if it was complete and is handed over."""
    if upload.place == storage_keys.DISK or not (upload.multipart_id or upload.parts.exists()):
        return False
    if _is_stored_whole(upload) and finish(upload):
        return True
    _restart(upload)
    return False


def _ensure_receiving(upload: Upload) -> None:
    if upload.state in (UploadState.RECEIVED, UploadState.SKIPPED):
        raise HttpProblem(problems.FINISHED)
    if upload.state != UploadState.RECEIVING:
        raise HttpProblem(problems.GONE)


def _list_parts(upload: Upload) -> list[StoredPart] | None:
    """Returns the parts in the bucket and records them. None if the bucket has no such multipart upload, or has joined it.

    If the bucket has neither parts nor the file, the upload is reset.
    """
    if not upload.multipart_id:
        return None
    try:
        parts = s3_multipart.parts(upload.key, upload.multipart_id)
    except UploadGone:
        if not _is_stored_whole(upload):
            _restart(upload)
        return None
    _record_parts(upload, parts)
    return parts


def _record_parts(upload: Upload, parts: Sequence[StoredPart]) -> None:
    rows = [
        Part(upload=upload, number=part.number, size=part.size, etag=part.etag, state=Part.State.STORED)
        for part in parts
    ]
    fields = ["size", "etag", "state"]
    Part.objects.bulk_create(rows, update_conflicts=True, unique_fields=["upload", "number"], update_fields=fields)
    total_bytes = sum(part.size for part in parts)
    if total_bytes != upload.arrived:
        upload.arrived = total_bytes
        lifecycle.touch(upload, total_bytes)


def _recorded_parts(upload: Upload) -> list[StoredPart]:
    """Returns the parts from the last listing."""
    parts = upload.parts.filter(state=Part.State.STORED).exclude(number=Part.WHOLE)
    return [StoredPart(part.number, part.size or 0, part.etag) for part in parts]


def _join_parts(upload: Upload, parts: Sequence[StoredPart]) -> None:
    size = sum(part.size for part in parts)
    is_in_order = [part.number for part in parts] == list(range(1, len(parts) + 1))
    if not parts or not is_in_order or size < (upload.size or 0):
        raise HttpProblem(INCOMPLETE)
    if size > (upload.size or settings.MAX_FILE_BYTES):
        lifecycle.reject(
            upload, rejections.NOT_AS_DECLARED if upload.size else rejections.too_large(settings.MAX_FILE_BYTES)
        )
        raise HttpProblem(problems.TOO_LARGE)
    if upload.size is None:
        lifecycle.set_size(upload, size)  # lets the sweep recognise a complete file
    lifecycle.touch(upload, size)
    failpoints.reach(Point.PARTS_LISTED)
    try:
        s3_multipart.join(upload.key, upload.multipart_id, parts)
    except UploadGone:  # it was joined before, and the response was lost
        if not _is_stored_whole(upload):
            raise HttpProblem(INCOMPLETE) from None
    failpoints.reach(Point.PARTS_JOINED)


def _read_back(upload: Upload) -> bool:
    if _is_large(upload):
        wakeup.send_for_upload(upload.pk)
        return False
    return finish(upload)


def _is_large(upload: Upload) -> bool:
    return (upload.size or 0) > MAX_SYNC_READBACK_BYTES


def _is_stored_whole(upload: Upload) -> bool:
    """True if the bucket has the complete file. A file that was posted by a form is copied to the upload's key first."""
    if store().exists(upload.key):
        return True
    if not upload.parts.filter(number=Part.WHOLE).exists():
        return False
    with suppress(FileNotFoundError):
        store().copy_or_link(upload.key + FORM_SUFFIX, upload.key)
        return True
    return False


def _restart(upload: Upload) -> None:
    """Deletes the parts, in the bucket and in the database, so that the upload starts from offset 0."""
    Upload.objects.receiving().filter(pk=upload.pk, multipart_id=upload.multipart_id).update(multipart_id="", arrived=0)
    if upload.multipart_id:
        s3_multipart.abort(upload.key, upload.multipart_id)
    upload.parts.all().delete()
    upload.refresh_from_db()


def _delete_parts(upload: Upload) -> None:
    if upload.parts.filter(number=Part.WHOLE).exists():
        removal.clear_after_commit([upload.key + FORM_SUFFIX])
    upload.parts.all().delete()


class _TouchUpload:
    """Touches the upload while its file is read back, which may take longer than the upload's expiry time."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._touched = upload, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._touched > lifecycle.touch_seconds():
            self._touched = time.monotonic()
            lifecycle.touch(self._upload, self._upload.size or self._upload.arrived)
