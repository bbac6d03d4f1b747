"""Why a picture could not be rendered or stored, as a code and a message; the same for jobs and for photos rendered again."""

import logging
from typing import NamedTuple

from processing.pipeline import ImageRejected
from processing.storage.storage_errors import StorageError

log = logging.getLogger(__name__)

STORAGE = ("storage", "The server could not read or write its storage.")
NO_ROOM = ("disk-full", "No space to store the photo. Retrying until there is.")
INTERNAL = ("internal", "Unexpected server error. The server log has details.")


class FailureReason(NamedTuple):
    code: str
    message: str
    is_permanent: bool = False


def describe(error: Exception, subject: str) -> FailureReason:
    """Returns the reason for an error of the pipeline, the storage or the server.

    Errors that an administrator can act on are logged with `subject`, the job or photo.
    """
    match error:
        case ImageRejected():
            return FailureReason(error.code, error.message, error.permanent)
        case StorageError():
            log.warning("%s: %s", subject, error)
            return FailureReason(error.code, error.message, error.permanent)
        case OSError():
            log.error("%s: storage error", subject, exc_info=error)
            return FailureReason(*STORAGE)
        case _:
            log.error("%s: unexpected error", subject, exc_info=error)
            return FailureReason(*INTERNAL)
