"""How many bodies are taken in at once: fewer than there are threads, so that pages are answered whatever is being sent.

And of one person fewer than that, so that nobody keeps the others from uploading, however many sessions or albums they use.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock

from django.conf import settings

from processing.uploads.problems import Refusal, Refused

KEPT_FOR_PAGES = 8
"""Of so many threads, one."""
USUAL_SHARE = 4
"""One person may use one of so many places, unless USER_UPLOADS says otherwise."""
LEAST_SHARE = 6
"""But so many, where there are more: what a browser opens to one server."""

CROWDED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server is taking in as many files at once as it can. Send this one again in a moment.",
)
TOO_MANY_AT_ONCE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too-many-at-once",
    "You are uploading as many files at once as one person may. Nothing is lost: send this one again when another is done.",
)
REFUSALS = (CROWDED, TOO_MANY_AT_ONCE)
RETRY_AFTER_SECONDS = 5

_taken: Counter[int] = Counter()
_lock = Lock()


@contextmanager
def place(user: int) -> Iterator[None]:
    """A place for one body of this user. Raises Refused when there is none: nobody waits, for that would take a thread too."""
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
    """How many bodies are taken in at once, in this process."""
    return int(settings.WEB_THREADS) - max(1, int(settings.WEB_THREADS) // KEPT_FOR_PAGES)


def places_of_one() -> int:
    """How many of them one person may have: as USER_UPLOADS says, else a share that leaves one for others, if there are two."""
    if settings.USER_UPLOADS:
        return min(int(settings.USER_UPLOADS), places())
    return max(1, min(max(LEAST_SHARE, places() // USUAL_SHARE), places() - 1))
