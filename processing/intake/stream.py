"""One file's bytes on their way in: written once, hashed while they pass, durable before they are acknowledged."""

import hashlib
import logging

from django.conf import settings

from processing import failpoints, pressure, quota
from processing.failpoints import Point
from processing.intake import beside, refusals
from processing.intake.refusals import Refused
from processing.models import Upload
from processing.storage import Fenced, store
from processing.storage.trouble import StorageTrouble

log = logging.getLogger(__name__)


class Stream:
    """Write chunks, then land. Whatever refuses raises Refused and leaves no bytes behind."""

    def __init__(self, upload: Upload) -> None:
        if pressure.disk_is_full():
            raise Refused(refusals.DISK_FULL)
        if not quota.has_room():
            raise Refused(refusals.STAGING_FULL)
        self.upload = upload
        self.size = 0
        self._hash = hashlib.sha256()
        self._hashing = beside.hashing(self._hash)
        self._receiving = store().receive(upload.key)

    @property
    def sha256(self) -> str:
        self._hashing.wait()
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > settings.MAX_FILE_BYTES:
            self._give_up(refusals.too_large(settings.MAX_FILE_BYTES))
        if pressure.disk_is_full(len(chunk)):
            self._give_up(refusals.DISK_FULL)
        self._hashing.add(memoryview(chunk))
        try:
            self._receiving.write(chunk)
            failpoints.reach(Point.BYTES_ARRIVE)
        except OSError as error:
            self._explain(error)

    def land(self) -> None:
        """Make the bytes durable under the upload's key. Raises Refused when there are none, or no room for them."""
        if not self.size:
            self._give_up(refusals.EMPTY)
        try:
            self._receiving.commit()
        except Fenced:
            self._give_up(refusals.TAKEN_AWAY)
        except OSError as error:
            self._explain(error)
        failpoints.reach(Point.FILE_WRITTEN)

    def abort(self) -> None:
        self._receiving.abort()

    def _explain(self, error: OSError) -> None:
        if error.errno in pressure.NO_ROOM:
            self._give_up(refusals.DISK_FULL)
        if isinstance(error, StorageTrouble):
            log.warning("Upload %s could not be stored: %s", self.upload.pk, error)
            self._give_up(refusals.STORAGE_AWAY.filled(reason=error.message))
        self.abort()
        raise error

    def _give_up(self, refusal: refusals.Refusal) -> None:
        self.abort()
        raise Refused(refusal)
