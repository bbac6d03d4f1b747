"""gunicorn's worker with threads, of whom none waits for ever for the rest of a request's headers.

Silence and drops alike: whoever has not said what he wants within BODY_IDLE_SECONDS is hung up on. Whoever asks again at once is
answered by the same thread. Nothing here may import Django before it is called: see config.web.
"""

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

LINGER_MS = 5
"""From one thread to another a line goes by way of the main one, which takes as long on a busy server. Measured with a sender of
many files, one after the other: a tenth of the time."""
IN_A_ROW = 16
"""Requests of one line; then come those who wait for a thread."""


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        for _ in range(IN_A_ROW):
            answered = self._handle(conn)
            if answered is not True or not self.alive or not _asks_again(conn.sock):
                break
        return answered

    def _handle(self, conn: Any) -> Any:
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


def _asks_again(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(LINGER_MS))
