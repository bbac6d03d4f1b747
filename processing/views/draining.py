"""An answer sent while the body is still arriving is lost: the browser shows "connection reset" in its place.

So the rest of a refused body is read and thrown away. Under gunicorn its main thread does so after the answer, for every request
whose body was not read to the end, and closes the connection then (`DISCARD_SECONDS` in config/server/gunicorn_worker.py): no
thread waits, and no place among the uploads is taken.
"""

import time
from contextlib import suppress

from django.http import HttpRequest

from processing.views import request_body

MOST_BYTES = 256 << 20
MOST_SECONDS = 10.0
CHUNK = 256 << 10


def drain(request: HttpRequest) -> None:
    """Leave the rest of the body to gunicorn; read it within bounds where another server runs, which would lose the answer."""
    if "gunicorn.socket" in request.META:
        return
    until, left = time.monotonic() + MOST_SECONDS, MOST_BYTES
    with suppress(OSError, request_body.EndUnknown):  # the sender has gone: nobody waits for an answer
        body, memory = request_body.body(request), memoryview(bytearray(CHUNK))
        while left > 0 and time.monotonic() < until and (count := body.readinto(memory)):
            left -= count
