"""Uploads that arrive in parts and may break anywhere: the offset is the size of the file on disk, and nothing else.

While a large part with a checksum is on its way, the file is longer by what has not proved true yet (chunk.py).

Whoever asks for the offset, sends or ends takes the upload over: the writer before is fenced off, and its late bytes are ignored.
So there is no lock that could stick.
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
from processing.storage.base import Growing
from processing.storage.errors import StorageTrouble
from processing.storage.local.partial_file import DRAFT
from processing.uploads import lifecycle, problems, rejections
from processing.uploads.body_reader import Body
from processing.uploads.direct import multipart
from processing.uploads.problems import Refused
from processing.uploads.tus import finalize, protocol
from processing.uploads.tus.chunk import Arriving, short_of
from processing.uploads.tus.protocol import Part

log = logging.getLogger(__name__)


def offset(upload: Upload) -> int:
    """Where to go on; every writer before is fenced off. A whole upload is handed over again, if that failed unseen."""
    if (ended := _ended(upload)) is not None:
        return ended
    if multipart.leave(upload):
        return upload.size or 0
    with _growing(upload) as growing:
        there = growing.take_over()
        if there == upload.size:
            finalize.land(upload, growing)
        elif there:
            growing.sync()  # a writer that was cut off may not have come to it, and what is told here shall hold
    return there


def receive(upload: Upload, part: Part, body: Body, length: int | None) -> int:
    """Append what the body holds; `length` of it is announced, None if that is unknown. Answers the new offset.

    Raises protocol.Refused, with the offset that holds. What arrived of a body that broke is kept, unless it has a checksum.
    """
    if (ended := _ended(upload)) is not None:
        if part.offset == ended and not length:
            return ended
        raise Refused(problems.FINISHED, ended)
    if multipart.leave(upload):
        raise Refused(problems.FINISHED, upload.size)
    with _growing(upload) as growing:
        there = growing.take_over()
        if part.offset != there:
            if there and there == upload.size:
                finalize.land(upload, growing)  # who hears of the last byte will not ask again
            raise Refused(protocol.OFFSET_MISMATCH, there)
        _tell_length(upload, part.length, there)
        if upload.size == 0:
            lifecycle.refuse(upload, rejections.EMPTY)
        room = (settings.MAX_FILE_BYTES if upload.size is None else upload.size) - there
        if length is not None and length > room:
            raise Refused(problems.TOO_LARGE, there)
        if upload.size == 0:
            return 0
        if there == 0:
            ensure_room(length or 0, there, user=upload.batch.opened_by_id, begins=upload.size)
        elif shortage := admission.of_growth(upload, length or 0):
            raise short_of(shortage, there)
        return Arriving(upload, growing, part, body, room, length).take_in()


def arrived(upload: Upload) -> int:
    """The bytes that are there just now, for who only wants to know: unlike offset() this takes nothing over."""
    if upload.multipart_id or not _may_be_whole(upload):
        return upload.arrived
    return store().grow(upload.key).there()


def ensure_room(more: int, there: int | None = None, *, user: int | None, begins: int | None) -> None:
    """Raises protocol.Refused while the server is short of what `more` bytes need.

    They are the first of a file of this user, which has `begins` bytes in all, None if that is unknown.
    """
    if shortage := admission.of_new(more, staging_quota.reserved(begins), user):
        raise short_of(shortage, there)


def end(upload: Upload) -> None:
    """The sender does not want it any more. Raises protocol.Refused when it is received, or ended otherwise."""
    if (ended := _ended(upload)) is not None:
        raise Refused(problems.FINISHED, ended)
    with _growing(upload) as growing:
        growing.take_over()
    lifecycle.cancel(upload, "cancelled", "Its sender took it back.")


def hand_over_again(before: datetime) -> int:
    """Uploads that arrived whole, whose hand-over failed unseen, and of which nothing was heard since. How many it was."""
    idle = Upload.objects.receiving().filter(size__gt=0, expires_at__lt=before, multipart_id="")
    return sum(_hand_over_if_whole(upload) for upload in idle)


def _may_be_whole(upload: Upload) -> bool:
    """Without asking the bucket, which takes its time: of thousands that wait for their turn there is nothing to be found.

    One that came in a single request and could not be stored has a draft, and its row may not say yet that any of it arrived.
    """
    draft = storage_keys.bare(upload.key) + DRAFT
    return upload.place == storage_keys.DISK or upload.arrived > 0 or store().exists(draft)


def _hand_over_if_whole(upload: Upload) -> bool:
    """Not while the bucket is in trouble: the sweep has other work, and comes again."""
    try:
        return _is_handed_over(upload)
    except (Refused, StorageTrouble) as trouble:
        log.warning("Upload %s is not handed over yet: %s", upload.pk, trouble)
        return False


def _is_handed_over(upload: Upload) -> bool:
    if not _may_be_whole(upload):
        return False
    with closing(store().grow(upload.key)) as growing:
        if growing.there() != upload.size or growing.take_over() != upload.size:
            return False
        finalize.land(upload, growing)
    return True


def _growing(upload: Upload) -> "closing[Growing]":
    """Raises protocol.Refused while the storage is away: that nothing is there says nothing then of what has arrived."""
    if not store().is_there():
        raise short_of(admission.STORAGE)
    return closing(store().grow(upload.key))


def _ended(upload: Upload) -> int | None:
    """The final offset of an upload that is received (or was, and proved a double or companion); None while it is on its way."""
    if upload.state == UploadState.RECEIVING:
        return None
    is_over = upload.state in (UploadState.RECEIVED, UploadState.SKIPPED)
    if is_over or upload.code in (*IS_A_PHOTO, rejections.EMPTY.code):
        return upload.size or 0
    raise Refused(problems.GONE)


def _tell_length(upload: Upload, length: int | None, there: int) -> None:
    """The length that was deferred at creation is told now, once."""
    if length is None or length == upload.size:
        return
    if upload.size is not None or length < there:
        raise Refused(protocol.BAD_LENGTH, there)
    if length > settings.MAX_FILE_BYTES:
        raise Refused(problems.TOO_LARGE, there)
    lifecycle.tell_size(upload, length)
