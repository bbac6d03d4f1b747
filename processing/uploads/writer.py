"""One file's bytes on their way in: written once, hashed while they pass, durable before they are acknowledged."""

import hashlib
import logging

from django.conf import settings

from processing.capacity import admission, staging_quota
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Batch, Upload
from processing.storage import store
from processing.storage.base import Fenced
from processing.storage.errors import StorageTrouble
from processing.uploads import offload, rejections
from processing.uploads.rejections import Refused

log = logging.getLogger(__name__)


class Stream:
    """Write chunks, then land. Whatever refuses raises Refused and leaves no bytes behind."""

    def __init__(self, upload: Upload, besides: int = 0) -> None:
        """`besides` are bytes that landed in the same request, and that no row tells of yet."""
        if admission.disk_is_full():
            raise Refused(rejections.DISK_FULL)
        if not staging_quota.has_room(besides=besides):
            raise Refused(rejections.STAGING_FULL)
        user = upload.batch.opened_by_id
        self._is_limited = upload.batch.source != Batch.Source.IMPORT and user is not None
        if self._is_limited and user and not staging_quota.has_share(user, besides=besides):
            raise Refused(rejections.OWN_STAGING_FULL)
        self.upload = upload
        self._besides = besides
        self.size = 0
        self._hash = hashlib.sha256()
        self._hashing = offload.hashing(self._hash)
        self._receiving = store().receive(upload.key)

    @property
    def untold(self) -> int:
        """Bytes that are there, and that the upload's row does not tell of yet."""
        return self.size - self.upload.arrived

    @property
    def sha256(self) -> str:
        self._hashing.wait()
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > settings.MAX_FILE_BYTES:
            self._give_up(rejections.too_large(settings.MAX_FILE_BYTES))
        if admission.disk_is_full(len(chunk)):
            self._give_up(rejections.DISK_FULL)
        if self._is_limited and not staging_quota.may_go_on(self.upload, self._besides + self.untold):
            self._give_up(rejections.OWN_STAGING_FULL)
        self._hashing.add(memoryview(chunk))
        try:
            self._receiving.write(chunk)
            failpoints.reach(Point.BYTES_ARRIVE)
        except OSError as error:
            self._explain(error)

    def land(self) -> None:
        """Make the bytes durable under the upload's key. Raises Refused when there are none, or no room for them."""
        if not self.size:
            self._give_up(rejections.EMPTY)
        try:
            self._receiving.commit()
        except Fenced:
            self._give_up(rejections.TAKEN_AWAY)
        except OSError as error:
            self._explain(error)
        failpoints.reach(Point.FILE_WRITTEN)

    def abort(self) -> None:
        self._receiving.abort()

    def _explain(self, error: OSError) -> None:
        if error.errno in admission.NO_ROOM:
            self._give_up(rejections.DISK_FULL)
        if isinstance(error, StorageTrouble):
            log.warning("Upload %s could not be stored: %s", self.upload.pk, error)
            self._give_up(rejections.STORAGE_AWAY.filled(reason=error.message))
        self.abort()
        raise error

    def _give_up(self, refusal: rejections.Refusal) -> None:
        self.abort()
        raise Refused(refusal)
