"""The line to the sender."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest


@contextmanager
def impatient(request: HttpRequest) -> Iterator[None]:
    """While a body is read: a sender who is silent for BODY_IDLE_SECONDS is hung up on, which frees the thread.

    Only gunicorn lets us at its socket; elsewhere this does nothing.
    """
    line = request.META.get("gunicorn.socket")
    if line is None:
        yield
        return
    before = line.gettimeout()
    line.settimeout(settings.BODY_IDLE_SECONDS)
    try:
        yield
    finally:
        line.settimeout(before)
