"""Uploads that go straight to the bucket, in parts whose addresses are signed here. Alone writes Part and Upload.multipart_id.

What the bucket lists is the truth. Each step is row first, then the bucket, then the row; each may be repeated, and is, by the
sender or the sweep. That the bucket does not know an upload any more says nothing: then the file itself is looked at.
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
from processing.storage.s3 import multipart as s3_multipart
from processing.storage.s3.multipart import Form, Gone, Stored
from processing.uploads import lifecycle, problems, rejections
from processing.uploads.problems import Refusal, Refused

LEAST_BYTES = 5 << 20
"""What S3 takes for a part that is not the last."""
USUAL_BYTES = 8 << 20
MOST_PARTS = 10_000
AT_ONCE_BYTES = 64 << 20
"""A larger file is read back by a worker, not while its sender waits for the answer."""
SENT = ".sent"
"""A form is posted beside the file's key: it may come again as long as it is signed, and what was received shall not change."""

BAD_PART = Refusal(HTTPStatus.BAD_REQUEST, "bad-part", f"Parts are numbered from 1 to {MOST_PARTS}, and have a size.")
INCOMPLETE = Refusal(
    HTTPStatus.CONFLICT, "parts-missing", "Some parts are not here yet. Ask which are, and send the others."
)


def may_come(upload: Upload) -> bool:
    """May its bytes go straight to the bucket?"""
    return upload.state == UploadState.RECEIVING and upload.place == storage_keys.BUCKET == locations.for_new()


def part_bytes(size: int | None) -> int:
    """How large the parts of such a file had best be."""
    least = -(-(size or 0) // MOST_PARTS)
    return max(USUAL_BYTES, -(-least // LEAST_BYTES) * LEAST_BYTES)


def begin(upload: Upload) -> None:
    """From now on parts of it may come. Raises Refused when the upload has ended."""
    _ensure_receiving(upload)
    if upload.multipart_id:
        return
    fresh = s3_multipart.begin(upload.key)
    failpoints.reach(Point.PARTS_BEGUN)
    if not Upload.objects.receiving().filter(pk=upload.pk, multipart_id="").update(multipart_id=fresh):
        s3_multipart.abort(upload.key, fresh)  # another request was faster, or it has ended
    upload.refresh_from_db()
    _ensure_receiving(upload)


def sign(upload: Upload, number: int, size: int | None = None) -> str:
    """Where the part's bytes are to be put: exactly `size` of them, if that is told. Raises Refused.

    Those that came before are noted on the way.
    """
    _ensure_receiving(upload)
    if not 1 <= number <= MOST_PARTS or size == 0:
        raise Refused(BAD_PART)
    if size is not None and size > (upload.size or settings.MAX_FILE_BYTES):
        raise Refused(problems.TOO_LARGE)
    if not staging_quota.may_go_on(upload, staging_quota.reserved(size)):
        shortage = admission.OWN_STAGING
        raise Refused(Refusal(shortage.status, shortage.code, shortage.intake))
    if number > 1 and sum(part.size for part in listed(upload)) >= (upload.size or settings.MAX_FILE_BYTES):
        raise Refused(problems.TOO_LARGE)
    lifecycle.touch(upload, upload.arrived)
    begin(upload)
    Part.objects.update_or_create(
        upload=upload, number=number, defaults={"size": size, "etag": "", "state": Part.State.EXPECTED}
    )
    return s3_multipart.sign(upload.key, upload.multipart_id, number, size)


def form(upload: Upload) -> Form:
    """How to post the whole file at once. Nobody tells when that was done: the sweep finds it."""
    _ensure_receiving(upload)
    Part.objects.get_or_create(upload=upload, number=Part.WHOLE)
    return s3_multipart.form(upload.key + SENT, upload.size or 1, upload.size or settings.MAX_FILE_BYTES)


def listed(upload: Upload) -> list[Stored]:
    """The parts that the bucket has, noted in the rows; or had, when they are joined already and nobody was told.

    Raises Refused when the upload has ended.
    """
    _ensure_receiving(upload)
    stored = _listed(upload)
    if stored is None:
        stored = _noted(upload)
    lifecycle.touch(upload, upload.arrived)
    return stored


def touch(upload: Upload, arrived: int) -> None:
    """Its sender says how far it is, for others to see: parts on their way are not listed."""
    _ensure_receiving(upload)
    lifecycle.touch(upload, min(arrived, upload.size or arrived))


def complete(upload: Upload, sha256: str = "") -> bool:
    """All of it was sent. True when it has ended, and is received if it could be; False when a worker has to read it back first.

    Raises Refused when parts are missing, or too many.
    """
    if upload.state != UploadState.RECEIVING:
        return True
    if sha256 and not upload.declared_sha256:
        lifecycle.learn_checksum(upload, sha256)
    stored = _listed(upload)
    if stored is not None:
        _join(upload, stored)
    elif not _is_there(upload):
        raise Refused(INCOMPLETE)
    elif _is_large(upload):
        return False  # a worker was told when it was joined, and the sweep tells another
    return _read_back(upload)


def hand_over(upload: Upload) -> bool:
    """Read the file back, once, and acknowledge it if it is what it should be. False when it is not there."""
    found = s3_multipart.digest(upload.key, _KeptAlive(upload))
    if found is None:
        return False
    if not found.size:
        lifecycle.refuse(upload, rejections.EMPTY, size=0)
    elif upload.size not in (None, found.size):
        lifecycle.refuse(upload, rejections.NOT_AS_DECLARED, size=found.size, sha256=found.sha256)
    else:
        lifecycle.finish(upload, found.size, found.sha256)
    _forget(upload)
    return True


def hand_over_by_id(pk: uuid.UUID) -> None:
    """A worker's part: the upload may have ended meanwhile."""
    if upload := Upload.objects.receiving().filter(pk=pk).first():
        hand_over(upload)


def abort(upload: Upload) -> None:
    """Its sender does not want it any more. Raises Refused when it is received, or ended otherwise."""
    _ensure_receiving(upload)
    lifecycle.cancel(upload, "cancelled", "Its sender took it back.")
    _forget(upload)


def hand_over_if_whole(upload: Upload) -> bool:
    """What its sender did not come to, or was never told of. False when it is not all there."""
    if not _is_there(upload):
        stored = _listed(upload) or []
        if not stored or sum(part.size for part in stored) != upload.size:
            return False
        _join(upload, stored)
    return _read_back(upload)


def forget_ended() -> None:
    """Parts of uploads that are received, or ended otherwise: nothing is to be told of them any more."""
    Part.objects.exclude(upload__state=UploadState.RECEIVING).delete()


def leave(upload: Upload) -> bool:
    """Somebody goes on with it another way, from its first byte. True when it was whole, and is handed over instead."""
    if upload.place == storage_keys.DISK or not (upload.multipart_id or upload.parts.exists()):
        return False
    if _is_there(upload) and hand_over(upload):
        return True
    _begin_anew(upload)
    return False


def _ensure_receiving(upload: Upload) -> None:
    if upload.state in (UploadState.RECEIVED, UploadState.SKIPPED):
        raise Refused(problems.FINISHED)
    if upload.state != UploadState.RECEIVING:
        raise Refused(problems.GONE)


def _listed(upload: Upload) -> list[Stored] | None:
    """The parts that the bucket has, noted in the rows; None when it has the whole file, or knows nothing of it: then anew."""
    if not upload.multipart_id:
        return None
    try:
        stored = s3_multipart.parts(upload.key, upload.multipart_id)
    except Gone:
        if not _is_there(upload):
            _begin_anew(upload)
        return None
    _note(upload, stored)
    return stored


def _note(upload: Upload, stored: Sequence[Stored]) -> None:
    rows = [
        Part(upload=upload, number=part.number, size=part.size, etag=part.etag, state=Part.State.STORED)
        for part in stored
    ]
    fields = ["size", "etag", "state"]
    Part.objects.bulk_create(rows, update_conflicts=True, unique_fields=["upload", "number"], update_fields=fields)
    arrived = sum(part.size for part in stored)
    if arrived != upload.arrived:
        upload.arrived = arrived
        lifecycle.touch(upload, arrived)


def _noted(upload: Upload) -> list[Stored]:
    """The parts as they were listed last."""
    rows = upload.parts.filter(state=Part.State.STORED).exclude(number=Part.WHOLE)
    return [Stored(part.number, part.size or 0, part.etag) for part in rows]


def _join(upload: Upload, stored: Sequence[Stored]) -> None:
    size = sum(part.size for part in stored)
    is_in_order = [part.number for part in stored] == list(range(1, len(stored) + 1))
    if not stored or not is_in_order or size < (upload.size or 0):
        raise Refused(INCOMPLETE)
    if size > (upload.size or settings.MAX_FILE_BYTES):
        lifecycle.refuse(
            upload, rejections.NOT_AS_DECLARED if upload.size else rejections.too_large(settings.MAX_FILE_BYTES)
        )
        raise Refused(problems.TOO_LARGE)
    if upload.size is None:
        lifecycle.tell_size(upload, size)  # with it the sweep knows that it is whole
    lifecycle.touch(upload, size)
    failpoints.reach(Point.PARTS_LISTED)
    try:
        s3_multipart.join(upload.key, upload.multipart_id, stored)
    except Gone:  # it was joined before, and the answer lost
        if not _is_there(upload):
            raise Refused(INCOMPLETE) from None
    failpoints.reach(Point.PARTS_JOINED)


def _read_back(upload: Upload) -> bool:
    if _is_large(upload):
        wakeup.ring_for_upload(upload.pk)
        return False
    return hand_over(upload)


def _is_large(upload: Upload) -> bool:
    return (upload.size or 0) > AT_ONCE_BYTES


def _is_there(upload: Upload) -> bool:
    """Is it whole in the bucket? One that came as a form is put in its place for that."""
    if store().exists(upload.key):
        return True
    if not upload.parts.filter(number=Part.WHOLE).exists():
        return False
    with suppress(FileNotFoundError):
        store().keep(upload.key + SENT, upload.key)
        return True
    return False


def _begin_anew(upload: Upload) -> None:
    """The bucket forgets the parts of it; the rows, too."""
    Upload.objects.receiving().filter(pk=upload.pk, multipart_id=upload.multipart_id).update(multipart_id="", arrived=0)
    if upload.multipart_id:
        s3_multipart.abort(upload.key, upload.multipart_id)
    upload.parts.all().delete()
    upload.refresh_from_db()


def _forget(upload: Upload) -> None:
    if upload.parts.filter(number=Part.WHOLE).exists():
        removal.clear_after_commit([upload.key + SENT])
    upload.parts.all().delete()


class _KeptAlive:
    """Called while a file is read back, which may take longer than an upload lives."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._touched = upload, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._touched > lifecycle.touch_seconds():
            self._touched = time.monotonic()
            lifecycle.touch(self._upload, self._upload.size or self._upload.arrived)
