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

from processing.uploads.problems import Refusal, Refused

THREADS_PER_PAGE_THREAD = 8
"""One of this many threads is reserved for pages."""
SLOTS_PER_USER_SLOT = 4
"""One user may occupy one of this many slots, unless USER_UPLOADS is set."""
MIN_USER_SLOTS = 6
"""Slots that one user may occupy at least, if there are more: a browser opens this many connections to one server."""

CROWDED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server is receiving as many files as it can. Try again in a moment.",
)
TOO_MANY_AT_ONCE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too-many-at-once",
    "You have too many uploads at the same time. Try again when one finishes.",
)
REFUSALS = (CROWDED, TOO_MANY_AT_ONCE)
RETRY_AFTER_SECONDS = 5

_taken: Counter[int] = Counter()
_lock = Lock()


@contextmanager
def place(user: int) -> Iterator[None]:
    """Occupies a slot for one body of this user. Raises Refused if none is free: waiting would occupy a thread too."""
    with _lock:
        if _taken.total() >= places():
            raise Refused(CROWDED)
        if _taken[user] >= places_of_one():
            raise Refused(TOO_MANY_AT_ONCE)
        _taken[user] += 1
    try:
        yield
    finally:
        with _lock:
            _taken[user] -= 1
            if not _taken[user]:
                del _taken[user]


def places() -> int:
    """Returns how many bodies this process receives at once."""
    return int(settings.WEB_THREADS) - max(1, int(settings.WEB_THREADS) // THREADS_PER_PAGE_THREAD)


def places_of_one() -> int:
    """Returns how many slots one user may occupy: USER_UPLOADS, or a share that leaves a slot for others if there are two."""
    if settings.USER_UPLOADS:
        return min(int(settings.USER_UPLOADS), places())
    return max(1, min(max(MIN_USER_SLOTS, places() // SLOTS_PER_USER_SLOT), places() - 1))
