"""A request to the probe, sent as slowly as is wanted, over a connection of its own.

No library: what is measured is how the bytes travel, so they are sent here, piece by piece, and an answer that comes before the
end is heard.
"""

import http.client
import io
import json
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPMessage
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse

from processing.doctor import limits, probe_token

PIECE = 64 << 10
CONNECT_SECONDS = 10.0
MARK = "X-Darkroom-Probe"
"""On every answer of the probe itself: what lacks it was answered by somebody in between."""
BUSY_SECONDS = 60.0
PAUSE_SECONDS = 0.5


class NoSite(ValueError):
    """That is no address of a site."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: HTTPMessage
    report: dict[str, Any] | None
    """What the probe counted; None when it refused, or when it was not the probe that answered."""
    seconds: float
    """From the last byte sent to the answer."""

    @property
    def is_whole(self) -> bool:
        return self.report is not None and self.status < 300


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer: the connection ended, `seconds` after it fell silent."""

    seconds: float
    reason: str


class Door:
    """The probe at an address as people use it. Raises NoSite for what cannot be one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise NoSite(url) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoSite(url)
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.is_secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, port
        self.certificate_is_checked = True
        self._path = reverse("processing:probe")
        self._ticket = probe_token.issue()

    def ask(
        self,
        method: str = "POST",
        body: Callable[[], Iterable[bytes]] = tuple,
        length: int | None = 0,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Silent:
        """One request, its body sent as that is yielded; an empty piece only listens. Without a length it goes in chunks.

        While the probe has its hands full (429), it is asked again.
        """
        until = time.monotonic() + BUSY_SECONDS
        while True:
            answer = self._ask(method, body(), length, query, headers or {})
            is_busy = isinstance(answer, Answer) and answer.status == 429 and MARK in answer.headers
            if not is_busy or time.monotonic() > until:
                return answer
            time.sleep(PAUSE_SECONDS)

    def certificate(self) -> dict[str, Any]:
        """As ssl tells it, once proved. Raises OSError; ssl.SSLCertVerificationError when it is not to be trusted."""
        with (
            socket.create_connection((self.host, self.port or 443), CONNECT_SECONDS) as bare,
            ssl.create_default_context().wrap_socket(bare, server_hostname=self.host) as line,
        ):
            return line.getpeercert() or {}

    def _ask(
        self, method: str, body: Iterable[bytes], length: int | None, query: str, headers: Mapping[str, str]
    ) -> Answer | Silent:
        connection = self._connection()
        silent_since = time.monotonic()
        try:
            connection.connect()
            connection.sock.settimeout(limits.MOST_WAIT_SECONDS + CONNECT_SECONDS)
            self._begin(connection, method, length, query, headers)
            for piece in body:
                if (first := first_word(connection.sock)) is not None:
                    connection.response_class = partial(Response, first)  # type: ignore[assignment]
                    break
                if piece:
                    _send(connection, piece, is_chunked=length is None)
                    silent_since = time.monotonic()
            else:
                if length is None:
                    connection.send(b"0\r\n\r\n")
            return _heard(connection, silent_since)
        except (OSError, http.client.HTTPException) as error:
            return _last_words(connection, error, silent_since)
        finally:
            connection.close()

    def _begin(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        length: int | None,
        query: str,
        headers: Mapping[str, str],
    ) -> None:
        connection.putrequest(method, f"{self._path}?{query}" if query else self._path, skip_accept_encoding=True)
        size = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        mine = {probe_token.HEADER: self._ticket, "Origin": self.url, "Connection": "close"}
        for name, value in {**size, **mine, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()

    def _connection(self) -> http.client.HTTPConnection:
        if not self.is_secure:
            return http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
        context = ssl.create_default_context()
        if not self.certificate_is_checked:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS, context=context)


def zeros(count: int) -> list[bytes]:
    """A body of so many bytes."""
    whole, rest = divmod(count, PIECE)
    return [bytes(PIECE)] * whole + ([bytes(rest)] if rest else [])


def _send(connection: http.client.HTTPConnection, piece: bytes, is_chunked: bool) -> None:
    connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)


def _heard(connection: http.client.HTTPConnection, since: float) -> Answer | Silent:
    response = connection.getresponse()
    seconds = time.monotonic() - since
    content = response.read()
    report = None
    if MARK in response.headers:
        with suppress(ValueError):
            told = json.loads(content or b"null")
            report = told if isinstance(told, dict) and "bytes" in told else None
    return Answer(response.status, response.headers, report, seconds)


def _last_words(connection: http.client.HTTPConnection, error: Exception, since: float) -> Answer | Silent:
    """Who refuses a body answers first and hangs up then: the answer may still lie there."""
    seconds = time.monotonic() - since
    if isinstance(error, BrokenPipeError | ConnectionResetError):
        with suppress(OSError, http.client.HTTPException):
            return _heard(connection, since)
    return Silent(seconds, str(error) or type(error).__name__)


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
