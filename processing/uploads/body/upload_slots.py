"""Limits how many upload bodies are received at once, in all and by one user.

The total is below the number of threads, so that pages are served during uploads. The limit by user is below the total, so that
one user cannot keep others from uploading, however many sessions or albums they use.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock

from django.conf import settings

from processing.uploads.problems import HttpProblem, Problem

THREADS_PER_PAGE_THREAD = 8
"""One of this many threads is reserved for pages."""
SLOTS_PER_USER_SLOT = 4
"""One user may occupy one of this many slots, unless USER_UPLOADS is set."""
MIN_USER_SLOTS = 6
"""Slots that one user may occupy at least, if there are more: a browser opens this many connections to one server."""

ALL_SLOTS_TAKEN = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server is receiving as many files as it can. Try again in a moment.",
)
TOO_MANY_AT_ONCE = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too-many-at-once",
    "You have too many uploads at the same time. Try again when one finishes.",
)
PROBLEMS = (ALL_SLOTS_TAKEN, TOO_MANY_AT_ONCE)

_taken: Counter[int] = Counter()
_lock = Lock()


@contextmanager
def acquire(user: int) -> Iterator[None]:
    """Occupies a slot for one body of this user. Raises HttpProblem if none is free: waiting would occupy a thread too."""
    with _lock:
        if _taken.total() >= total_slots():
            raise HttpProblem(ALL_SLOTS_TAKEN)
        if _taken[user] >= user_slots():
            raise HttpProblem(TOO_MANY_AT_ONCE)
        _taken[user] += 1
    try:
        yield
    finally:
        with _lock:
            _taken[user] -= 1
            if not _taken[user]:
                del _taken[user]


def total_slots() -> int:
    """Returns how many bodies this process receives at once."""
    return int(settings.WEB_THREADS) - max(1, int(settings.WEB_THREADS) // THREADS_PER_PAGE_THREAD)


def user_slots() -> int:
    """Returns how many slots one user may occupy: USER_UPLOADS, or a share that leaves a slot for others if there are two."""
    if settings.USER_UPLOADS:
        return min(int(settings.USER_UPLOADS), total_slots())
    return max(1, min(max(MIN_USER_SLOTS, total_slots() // SLOTS_PER_USER_SLOT), total_slots() - 1))
