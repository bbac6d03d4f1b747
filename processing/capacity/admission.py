"""Admission control: whether disk, memory and storage allow more uploads, and more work for the workers."""

import errno
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings

from processing.capacity import staging_quota
from processing.lib import system_memory
from processing.models import Upload
from processing.storage import store

WORKER_FLOOR_DIVISOR = 8
"""Workers may use the disk down to MIN_FREE_BYTES divided by this, so that accepted files can be developed."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
"""Error numbers of a write to a full disk or beyond a disk quota."""


@dataclass(frozen=True, slots=True)
class CapacityProblem:
    """A missing resource: a stable code, a message for uploads (`intake`) and one for waiting jobs (`work`)."""

    code: str
    status: HTTPStatus
    upload_message: str
    worker_message: str


MEMORY = CapacityProblem(
    "memory-pressure",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server is low on memory. Upload again in a minute.",
    "The server is low on memory. Processing resumes automatically.",
)
DISK = CapacityProblem(
    "disk-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The server's disk is nearly full. Upload again when space is freed.",
    "The server's disk is full. Processing resumes when space is freed.",
)
STAGING = CapacityProblem(
    "staging-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "Too many files are waiting to be processed, or have failed. Upload again later, or fewer at once.",
    "",  # workers never wait for staging: they empty it
)
OWN_STAGING = CapacityProblem(
    "own-staging-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "Your waiting and failed files use all of your space. Upload more when some are processed, or dismiss failed ones.",
    "",
)
STORAGE = CapacityProblem(
    "storage-away",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server's storage is unavailable. Upload again when it is back.",
    "The server's storage is unavailable. Processing resumes when it is back.",
)


def for_intake(more: int = 0) -> CapacityProblem | None:
    """Returns the shortage that forbids receiving `more` bytes, None if there is none."""
    if not store().is_available():
        return STORAGE
    if storage_problem := store().problem():
        return CapacityProblem(
            storage_problem.code, HTTPStatus.SERVICE_UNAVAILABLE, storage_problem.message, storage_problem.message
        )
    if disk_is_full(more):
        return DISK
    return MEMORY if memory_is_short() else None


def for_new_file(more: int = 0, staged: int | None = None, user: int | None = None) -> CapacityProblem | None:
    """Returns the shortage that forbids new files of `more` bytes by this user (None for an import).

    `staged` is how many of these bytes will be in staging at once, by default all.
    """
    if shortage := for_intake(more):
        return shortage
    staged = more if staged is None else staged
    if not staging_quota.has_room(staged):
        return STAGING
    return None if user is None or staging_quota.has_share(user, staged) else OWN_STAGING


def for_upload(upload: Upload, more: int) -> CapacityProblem | None:
    """Returns the shortage that forbids `more` bytes of an upload in progress, None if there is none."""
    if shortage := for_intake(more):
        return shortage
    return None if staging_quota.may_continue(upload, more) else OWN_STAGING


def for_worker() -> CapacityProblem | None:
    """Returns the shortage that makes workers wait, None if there is none."""
    if not store().is_available():
        return STORAGE
    if _is_below(settings.MIN_FREE_BYTES // WORKER_FLOOR_DIVISOR):
        return DISK
    return MEMORY if memory_is_short() else None


def disk_is_full(more: int = 0) -> bool:
    """True if `more` bytes would reduce the free space below MIN_FREE_BYTES."""
    return _is_below(settings.MIN_FREE_BYTES + more)


def memory_is_short() -> bool:
    """True if more than MEMORY_MARK percent of the memory is in use."""
    share_in_use = system_memory.share_in_use()
    return share_in_use is not None and 100 * share_in_use > settings.MEMORY_MARK


def _is_below(floor: int) -> bool:
    free_bytes = store().free_bytes()
    return free_bytes is not None and free_bytes < floor
