"""An answer sent while the body is still arriving is lost: the browser shows "connection reset" in its place.

So what is left of a refused body is read and thrown away, if its sender is signed in, and within small bounds: this takes a
thread of those that answer pages. Of any other body nothing is read; the connection is closed after the answer.
"""

from threading import BoundedSemaphore

from django.http import HttpRequest

from processing.intake import pace
from processing.views import crowd, line

MOST_BYTES = 32 << 20
MOST_SECONDS = 5.0
CHUNK = 64 << 10

_places = BoundedSemaphore(max(1, crowd.kept_for_pages() // 2))


def drain(request: HttpRequest, *, is_known: bool | None = None) -> None:
    """Read what is left of the body, chunked or not. `is_known`: is its sender somebody? By default, whoever is signed in."""
    known = request.user.is_authenticated if is_known is None else is_known
    if known and _places.acquire(blocking=False):
        try:
            _read_to_end(request)
        finally:
            _places.release()
    line.close_after(request)


def _read_to_end(request: HttpRequest) -> None:
    left, memory = MOST_BYTES, memoryview(bytearray(CHUNK))
    try:
        with line.impatient(request, pace.within(MOST_SECONDS)):
            body = line.body(request)
            while left > 0 and (count := body.readinto(memory)):
                left -= count
    except (OSError, line.EndUnknown):  # the sender has gone, or is silent or slow
        return
