"""What the sweep does for uploads that go straight to the bucket: whatever a step left half done is done, or thrown away."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from django.db.models import Exists, OuterRef, Q

from processing.models import Part, Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.errors import StorageTrouble
from processing.storage.s3 import multipart as s3_multipart
from processing.storage.s3.multipart import Unfinished
from processing.uploads import lifecycle
from processing.uploads.direct import multipart

log = logging.getLogger(__name__)

AT_A_TIME = 500


def hand_over_again(before: datetime) -> int:
    """Files that are whole in the bucket, of which nobody was told, and nothing was heard since. How many it was.

    One that cannot be looked at is kept from expiring: nobody knows yet what would be lost.
    """
    as_form = Part.objects.filter(number=Part.WHOLE, upload=OuterRef("pk"))  # nobody else will ever tell
    silent = Upload.objects.receiving().in_the_bucket().filter(Exists(as_form) | Q(expires_at__lt=before))
    return sum(_is_handed_over(upload) for upload in silent)


def abort_unknown(before: datetime) -> int:
    """Throw away what was begun in the bucket for uploads that have ended, or, before then, by nobody known. How many it was."""
    if locations.for_new() != storage_keys.BUCKET:
        return 0
    begun, count = s3_multipart.unfinished(), 0
    while some := list(islice(begun, AT_A_TIME)):
        for each in _unwanted(some, before):
            s3_multipart.abort(each.key, each.multipart_id)
            count += 1
    multipart.forget_ended()
    return count


def _is_handed_over(upload: Upload) -> bool:
    """Not tried while the bucket cannot be reached: there may be hundreds, and each would wait for the line."""
    try:
        if store().is_there():
            return multipart.hand_over_if_whole(upload)
    except StorageTrouble as trouble:
        log.warning("Upload %s cannot be looked at in the bucket yet: %s", upload.pk, trouble)
    lifecycle.touch(upload, upload.arrived)
    return False


def _unwanted(some: Sequence[Unfinished], before: datetime) -> list[Unfinished]:
    """Listed first, rows asked after, or a new one would seem unknown."""
    owners = {identity for each in some if (identity := _owner(each.key))}
    known = Upload.objects.only("state", "multipart_id", "size", "arrived").in_bulk(owners)
    return [each for each in some if _is_unwanted(each, known, before)]


def _is_unwanted(each: Unfinished, known: dict[uuid.UUID, Upload], before: datetime) -> bool:
    owner = _owner(each.key)
    upload = known.get(owner) if owner else None
    if upload and upload.state != UploadState.RECEIVING:
        return True
    if upload and (upload.multipart_id == each.multipart_id or _may_be_stored_now(upload)):
        return False
    return each.begun_at < before


def _may_be_stored_now(upload: Upload) -> bool:
    """Its bytes came here, all of them, and whoever received them sends them on; a large file takes a while."""
    return upload.arrived == upload.size


def _owner(key: str) -> uuid.UUID | None:
    """The upload that a key in incoming/ belongs to."""
    room, _, name = storage_keys.bare(key).partition("/")
    try:
        return uuid.UUID(name.partition(".")[0]) if room == "incoming" else None
    except ValueError:
        return None
