"""The line to the sender."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest


class EndUnknown(Exception):
    """The body has no length, and the server below does not say that it knows where it ends."""


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


def body(request: HttpRequest) -> Any:
    """Django sees nothing of a chunked body; the server below does. Raises EndUnknown."""
    if "CONTENT_LENGTH" in request.META or not request.headers.get("Transfer-Encoding"):
        return request
    if not request.META.get("wsgi.input_terminated"):
        raise EndUnknown
    return request.META["wsgi.input"]


def length(request: HttpRequest) -> int | None:
    """None while it is not known: a chunked body tells it at its end."""
    if request.headers.get("Transfer-Encoding"):
        return None
    raw = request.META.get("CONTENT_LENGTH") or "0"
    return int(raw) if raw.isascii() and raw.isdigit() else 0
