"""How many bodies are taken in at once: fewer than there are threads, so that pages are answered whatever is being sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore

from django.conf import settings

from processing.intake.protocol import Refusal, Refused

KEPT_FOR_PAGES = 8
"""Of so many threads, one."""

CROWDED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server is taking in as many files at once as it can. Send this one again in a moment.",
)
RETRY_AFTER_SECONDS = 5

_places = BoundedSemaphore(settings.WEB_THREADS - max(1, settings.WEB_THREADS // KEPT_FOR_PAGES))


@contextmanager
def place() -> Iterator[None]:
    """For one body. Raises Refused when all are taken: nobody waits, for that would take a thread too."""
    if not _places.acquire(blocking=False):
        raise Refused(CROWDED)
    try:
        yield
    finally:
        _places.release()
