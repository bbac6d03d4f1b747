"""The end of an upload that arrived whole: its file gets its name, and is handed over to be developed."""

import fcntl
import hashlib
import logging
from http import HTTPStatus

from processing.intake import fingerprints, protocol, uploads
from processing.intake.fingerprints import Fingerprint
from processing.intake.protocol import Refused
from processing.models import Upload
from processing.states import UploadState
from processing.storage import Growing, places, store
from processing.storage.trouble import StorageTrouble

log = logging.getLogger(__name__)


def land(upload: Upload, growing: Growing, fingerprint: Fingerprint | None = None) -> None:
    """Repeating is harmless, and needed: the process may end between any two of these. Raises protocol.Refused.

    The file is read once more unless its `fingerprint`, of all its bytes, is known.
    """
    if upload.place != places.DISK:
        uploads.touch(upload, upload.size or 0)  # so that the bucket is asked for it, should this be the last of us
    try:
        growing.commit()
        sha256 = fingerprint.hexdigest() if fingerprint else _read_once(upload)
        if sha256:
            uploads.finish(upload, store().size(upload.key), sha256)
    except StorageTrouble as trouble:
        log.warning("Upload %s is whole, but could not be stored: %s", upload.pk, trouble)
        refusal = protocol.Refusal(HTTPStatus.SERVICE_UNAVAILABLE, trouble.code, trouble.message)
        raise Refused(refusal, upload.size) from trouble


def _read_once(upload: Upload) -> str:
    """Of several who ask at once, one reads the file and the others wait for it: "" when it was handed over meanwhile."""
    with store().borrow(upload.key) as path, path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
            return ""
        return hashlib.file_digest(file, fingerprints.ALGORITHM).hexdigest()
