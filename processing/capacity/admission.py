"""Gauges of the machine: may we take more, and may we go on with what we have?"""

import errno
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings

from processing.capacity import staging_quota
from processing.lib import system_memory
from processing.models import Upload
from processing.storage import store

RESERVED_FOR_WORK = 8
"""What was taken in shall be developed: work may use the room below the floor, down to this fraction of it."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
"""What a full disk, or a spent quota, answers to a write."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """What there is too little of: a stable code, and words for who wants to send photos and for who waits for them."""

    code: str
    status: HTTPStatus
    intake: str
    work: str


MEMORY = Shortage(
    "memory-pressure",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server is short of memory just now and takes no photos. Send them again in a minute.",
    "The server is short of memory; developing goes on by itself.",
)
DISK = Shortage(
    "disk-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The server's disk is nearly full, so no photos can be stored now. Free some space, then send them again.",
    "The server's disk is full; developing goes on by itself when some space is freed.",
)
STAGING = Shortage(
    "staging-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "So many files wait to be developed, or have failed and are kept, that there is no room for more just now. "
    "Send again a little later, or fewer at once.",
    "",  # workers are what empties it
)
OWN_STAGING = Shortage(
    "own-staging-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "Your files that wait to be processed, or have failed and are kept, take all the room that one person may have. Nothing is "
    "lost: upload more when some are done, or dismiss those that failed.",
    "",
)
STORAGE = Shortage(
    "storage-away",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server's storage is not there, so no photos can be stored now. Send them again when it is back.",
    "The server's storage is not there; developing goes on by itself when it is back.",
)


def of_intake(more: int = 0) -> Shortage | None:
    """What forbids to take `more` bytes."""
    if not store().is_there():
        return STORAGE
    if trouble := store().trouble():
        return Shortage(trouble.code, HTTPStatus.SERVICE_UNAVAILABLE, trouble.message, trouble.message)
    if disk_is_full(more):
        return DISK
    return MEMORY if memory_is_short() else None


def of_new(more: int = 0, staged: int | None = None, user: int | None = None) -> Shortage | None:
    """What forbids files of `more` bytes to begin, which this user sends, if anybody.

    `staged` of them (all, unless told) will wait in staging at once.
    """
    if shortage := of_intake(more):
        return shortage
    staged = more if staged is None else staged
    if not staging_quota.has_room(staged):
        return STAGING
    return None if user is None or staging_quota.has_share(user, staged) else OWN_STAGING


def of_growth(upload: Upload, more: int) -> Shortage | None:
    """What forbids `more` bytes of a file that has begun."""
    if shortage := of_intake(more):
        return shortage
    return None if staging_quota.may_go_on(upload, more) else OWN_STAGING


def of_work() -> Shortage | None:
    """What makes a worker wait."""
    if not store().is_there():
        return STORAGE
    if _is_below(settings.MIN_FREE_BYTES // RESERVED_FOR_WORK):
        return DISK
    return MEMORY if memory_is_short() else None


def disk_is_full(more: int = 0) -> bool:
    """Would `more` bytes bring the free space below the floor?"""
    return _is_below(settings.MIN_FREE_BYTES + more)


def memory_is_short() -> bool:
    """Is more in use than the mark allows?"""
    share = system_memory.share_in_use()
    return share is not None and 100 * share > settings.MEMORY_MARK


def _is_below(floor: int) -> bool:
    free = store().free_bytes()
    return free is not None and free < floor
