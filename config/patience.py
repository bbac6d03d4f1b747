"""gunicorn's worker with threads, of whom none waits for ever for the rest of a request's headers.

Silence and drops alike: whoever has not said what he wants within BODY_IDLE_SECONDS is hung up on. Nothing here may import Django
before it is called: see config.web.
"""

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        from django.conf import settings

        self._reading[conn] = time.monotonic() + settings.BODY_IDLE_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The headers are there."""
        self._reading.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called once a second by the main thread, for connections that say nothing at all."""
        super().murder_pending()
        now = time.monotonic()
        for conn, until in list(self._reading.items()):
            if until < now:
                with suppress(OSError):  # it is gone already
                    conn.sock.shutdown(socket.SHUT_RD)
