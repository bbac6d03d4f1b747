"""An answer sent while the body is still arriving is lost: the browser shows "connection reset" in its place.

So a refused body is read to its end, within bounds, and thrown away.
"""

import time
from contextlib import suppress

from django.http import HttpRequest

from processing.intake.protocol import Refused
from processing.views import crowd, line

MOST_BYTES = 256 << 20
MOST_SECONDS = 10.0
CHUNK = 256 << 10


def drain(request: HttpRequest) -> None:
    """Whatever of it was read before; chunked or not."""
    until, left = time.monotonic() + MOST_SECONDS, MOST_BYTES
    # The sender has gone, or is silent, or is one of a crowd: nobody waits for an answer.
    with suppress(OSError, Refused, line.EndUnknown), crowd.place(), line.impatient(request):
        body, memory = line.body(request), memoryview(bytearray(CHUNK))
        while left > 0 and time.monotonic() < until:
            count = body.readinto(memory)
            if not count:
                return
            left -= count
