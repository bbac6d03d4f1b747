"""The line to the sender."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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


def hang_up(request: HttpRequest) -> None:
    """Read no more from this sender. Else the web server would go on waiting for the rest, to reach the next request."""
    if line := request.META.get("gunicorn.socket"):
        with suppress(OSError):  # it is gone already
            line.shutdown(socket.SHUT_RD)
