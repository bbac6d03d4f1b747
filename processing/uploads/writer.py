"""Writes a file to storage while hashing it. The bytes are durable before the upload is acknowledged."""

import hashlib
import logging

from django.conf import settings

from processing.capacity import admission, staging_quota
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Batch, Upload
from processing.storage import store
from processing.storage.base import WriterFenced
from processing.storage.storage_errors import StorageError
from processing.uploads import offload, rejections
from processing.uploads.rejections import UploadRejected

log = logging.getLogger(__name__)


class UploadWriter:
    """Writes the file of an upload: call write() for each chunk, then commit(). Raises UploadRejected after deleting them all."""

    def __init__(self, upload: Upload, uncounted_bytes: int = 0) -> None:
        """`uncounted_bytes` are bytes of earlier files of the request that no row counts yet."""
        if admission.disk_is_full():
            raise UploadRejected(rejections.DISK_FULL)
        if not staging_quota.has_room(uncounted_bytes=uncounted_bytes):
            raise UploadRejected(rejections.STAGING_FULL)
        user = upload.batch.opened_by_id
        self._is_limited = upload.batch.source != Batch.Source.IMPORT and user is not None
        if self._is_limited and user and not staging_quota.has_share(user, uncounted_bytes=uncounted_bytes):
            raise UploadRejected(rejections.OWN_STAGING_FULL)
        self.upload = upload
        self._uncounted_bytes = uncounted_bytes
        self.size = 0
        self._hash = hashlib.sha256()
        self._hashing = offload.hashing(self._hash)
        self._receiving = store().receive(upload.key)

    @property
    def uncounted_bytes(self) -> int:
        """The number of arrived bytes that the upload's row does not count yet."""
        return self.size - self.upload.arrived

    @property
    def sha256(self) -> str:
        self._hashing.wait()
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > settings.MAX_FILE_BYTES:
            self._abort_with(rejections.too_large(settings.MAX_FILE_BYTES))
        if admission.disk_is_full(len(chunk)):
            self._abort_with(rejections.DISK_FULL)
        if self._is_limited and not staging_quota.may_continue(
            self.upload, self._uncounted_bytes + self.uncounted_bytes
        ):
            self._abort_with(rejections.OWN_STAGING_FULL)
        self._hashing.submit(memoryview(chunk))
        try:
            self._receiving.write(chunk)
            failpoints.reach(Point.BYTES_ARRIVE)
        except OSError as error:
            self._raise_rejection(error)

    def commit(self) -> None:
        """Makes the bytes durable under the upload's key. Raises UploadRejected if there are none, or no space for them."""
        if not self.size:
            self._abort_with(rejections.EMPTY)
        try:
            self._receiving.commit()
        except WriterFenced:
            self._abort_with(rejections.TAKEN_AWAY)
        except OSError as error:
            self._raise_rejection(error)
        failpoints.reach(Point.FILE_WRITTEN)

    def abort(self) -> None:
        self._receiving.abort()

    def _raise_rejection(self, error: OSError) -> None:
        if error.errno in admission.NO_ROOM:
            self._abort_with(rejections.DISK_FULL)
        if isinstance(error, StorageError):
            log.warning("Upload %s could not be stored: %s", self.upload.pk, error)
            self._abort_with(rejections.STORAGE_AWAY.filled(reason=error.message))
        self.abort()
        raise error

    def _abort_with(self, reason: rejections.RejectionReason) -> None:
        self.abort()
        raise UploadRejected(reason)
