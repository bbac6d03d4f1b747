"""The end of an upload that arrived whole: its file gets its name, and is handed over to be developed."""

import fcntl
import hashlib
import logging
from http import HTTPStatus

from processing.models import Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import Growing
from processing.storage.errors import StorageTrouble
from processing.uploads import lifecycle, problems
from processing.uploads.problems import Refused
from processing.uploads.tus import hash_cache
from processing.uploads.tus.hash_cache import Fingerprint

log = logging.getLogger(__name__)


def land(upload: Upload, growing: Growing, fingerprint: Fingerprint | None = None) -> None:
    """Repeating is harmless, and needed: the process may end between any two of these. Raises protocol.Refused.

    The file is read once more unless its `fingerprint`, of all its bytes, is known.
    """
    if upload.place != storage_keys.DISK:
        lifecycle.touch(upload, upload.size or 0)  # so that the bucket is asked for it, should this be the last of us
    try:
        growing.commit()
        sha256 = fingerprint.hexdigest() if fingerprint else _read_once(upload)
        if sha256:
            lifecycle.finish(upload, store().size(upload.key), sha256)
    except StorageTrouble as trouble:
        log.warning("Upload %s is whole, but could not be stored: %s", upload.pk, trouble)
        refusal = problems.Refusal(HTTPStatus.SERVICE_UNAVAILABLE, trouble.code, trouble.message)
        raise Refused(refusal, upload.size) from trouble


def _read_once(upload: Upload) -> str:
    """Of several who ask at once, one reads the file and the others wait for it: "" when it was handed over meanwhile."""
    with store().borrow(upload.key) as path, path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
            return ""
        return hashlib.file_digest(file, hash_cache.ALGORITHM).hexdigest()
