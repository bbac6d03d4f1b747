"""The sweep's recovery of direct uploads: finishes interrupted ones and aborts orphaned multipart uploads in the bucket."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from processing.lib import iteration
from processing.models import Part, Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.s3 import s3_multipart
from processing.storage.s3.s3_multipart import Unfinished
from processing.storage.storage_errors import StorageError
from processing.uploads import lifecycle
from processing.uploads.direct import multipart

log = logging.getLogger(__name__)

CHUNK_SIZE = 500


def finish_stalled(before: datetime) -> int:
    """Finishes uploads with a complete file in the bucket that was never acknowledged. Returns their number.

    Only uploads that expire before `before`, or were posted as a form, are checked. An upload that cannot be checked, because
    the bucket is unavailable, does not expire: its file may be complete.
    """
    posted_as_form = Part.objects.filter(number=Part.WHOLE, upload=OuterRef("pk"))  # no request follows a form
    candidates = Upload.objects.receiving().in_the_bucket().filter(Exists(posted_as_form) | Q(expires_at__lt=before))
    return sum(_try_to_finish(upload) for upload in candidates)


def abort_orphaned(before: datetime) -> int:
    """Aborts orphaned multipart uploads in the bucket, and returns their number. Also deletes the Part rows of ended uploads.

    A multipart upload is orphaned if its upload has ended, or if no upload refers to it and it began before `before`.
    """
    if locations.for_new() != storage_keys.BUCKET:
        return 0
    aborted = 0
    for chunk in iteration.chunks(s3_multipart.unfinished(), CHUNK_SIZE):
        for multipart_upload in _orphaned(chunk, before):
            s3_multipart.abort(multipart_upload.key, multipart_upload.multipart_id)
            aborted += 1
    multipart.delete_finished_parts()
    return aborted


def _try_to_finish(upload: Upload) -> bool:
    """Only renews the expiry while the bucket is unavailable: hundreds of uploads could each wait for a timeout."""
    try:
        if store().is_available():
            return multipart.finish_if_complete(upload)
    except StorageError as error:
        log.warning("Upload %s cannot be checked in the bucket yet: %s", upload.pk, error)
    lifecycle.touch(upload, upload.arrived)
    return False


def _orphaned(chunk: Sequence[Unfinished], before: datetime) -> list[Unfinished]:
    """Returns the orphans of the chunk. Reads the rows after the bucket's list: otherwise new multipart uploads look orphaned."""
    upload_ids = {upload_id for multipart_upload in chunk if (upload_id := storage_keys.owner(multipart_upload.key))}
    uploads = Upload.objects.only("state", "multipart_id", "size", "arrived").in_bulk(upload_ids)
    return [multipart_upload for multipart_upload in chunk if _is_orphaned(multipart_upload, uploads, before)]


def _is_orphaned(multipart_upload: Unfinished, uploads: dict[uuid.UUID, Upload], before: datetime) -> bool:
    upload_id = storage_keys.owner(multipart_upload.key)
    upload = uploads.get(upload_id) if upload_id else None
    if upload and upload.state != UploadState.RECEIVING:
        return True
    if upload and (upload.multipart_id == multipart_upload.multipart_id or _may_be_transferring(upload)):
        return False
    return multipart_upload.begun_at < before


def _may_be_transferring(upload: Upload) -> bool:
    """True if all bytes arrived at the server, so that a request may be sending the file to the bucket now."""
    return upload.arrived == upload.size
