"""Finishes a complete upload: renames its file and hands it over to be developed."""

import fcntl
import hashlib
import logging
from http import HTTPStatus

from processing.models import Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import PartialFile
from processing.storage.storage_errors import StorageError
from processing.uploads import lifecycle, problems
from processing.uploads.problems import HttpProblem
from processing.uploads.tus import hash_cache
from processing.uploads.tus.hash_cache import FileHash

log = logging.getLogger(__name__)


def finalize(upload: Upload, partial_file: PartialFile, fingerprint: FileHash | None = None) -> None:
    """Commits the file and acknowledges the upload. Raises problems.HttpProblem if the storage fails.

    Idempotent: the process may be killed between any two steps, so the call is repeated. Reads the file again unless
    `fingerprint` is the hash of all its bytes.
    """
    if upload.place != storage_keys.DISK:
        # If the process is killed from here on, the sweep looks for the file in the bucket.
        lifecycle.touch(upload, upload.size or 0)
    try:
        partial_file.commit()
        sha256 = fingerprint.hexdigest() if fingerprint else _read_once(upload)
        if sha256:
            lifecycle.finish(upload, store().size(upload.key), sha256)
    except StorageError as error:
        log.warning("Upload %s is complete, but could not be stored: %s", upload.pk, error)
        problem = problems.Problem(HTTPStatus.SERVICE_UNAVAILABLE, error.code, error.message)
        raise HttpProblem(problem, upload.size) from error


def _read_once(upload: Upload) -> str:
    """Returns the file's SHA-256, or "" if the upload was received meanwhile. Of concurrent callers, only one reads it."""
    with store().open_local(upload.key) as path, path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVED).exists():
            return ""
        return hashlib.file_digest(file, hash_cache.ALGORITHM).hexdigest()
