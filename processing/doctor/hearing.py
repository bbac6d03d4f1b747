"""An answer that comes before its request has been sent: noticed, and heard from its first byte."""

import http.client
import io
import select
import socket
import ssl
from typing import Any


def first_word(line: socket.socket) -> bytes | None:
    """What an answer begins with that comes before its time (of a bare line nothing is taken); None while there is none.

    TLS has words of its own (tickets for a next session), so there only what can be read counts.
    """
    if not select.select([line], [], [], 0)[0]:
        return None
    if not isinstance(line, ssl.SSLSocket):
        return b""
    patience = line.gettimeout()
    line.setblocking(False)
    try:
        return line.recv(1)
    except ssl.SSLWantReadError:
        return None
    finally:
        line.settimeout(patience)


class Response(http.client.HTTPResponse):
    """An answer whose first byte was read already."""

    def __init__(self, first: bytes, line: socket.socket, **options: Any) -> None:
        super().__init__(line, **options)
        self.fp = io.BufferedReader(_Rest(first, self.fp))


class _Rest(io.RawIOBase):
    def __init__(self, first: bytes, rest: Any) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if first := self._first:
            self._first = b""
            buffer[: len(first)] = first
            return len(first)
        return int(self._rest.readinto1(buffer))

    def close(self) -> None:
        self._rest.close()
        super().close()
