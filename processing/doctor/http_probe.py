"""Sends requests to the probe, each over a new connection and at a controlled speed.

Uses no HTTP client library, because the doctor measures how bytes are transferred: the body is sent chunk by chunk, and a
response that arrives before the end of the body is read at once.
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

CHUNK_BYTES = 64 << 10
CONNECT_SECONDS = 10.0
MARK = "X-Darkroom-Probe"
"""A header of every response of the probe. A response without it comes from a proxy."""
MAX_BUSY_SECONDS = 60.0
RETRY_SECONDS = 0.5


class NoSite(ValueError):
    """The URL is not the address of a site."""


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    status: int
    headers: HTTPMessage
    report: dict[str, Any] | None
    """The probe's measurements; None when the probe rejected the request, or the response comes from a proxy."""
    seconds: float
    """From the last byte sent to the response."""

    @property
    def is_whole(self) -> bool:
        return self.report is not None and self.status < 300


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The connection was closed without a response, `seconds` after the last byte was sent."""

    seconds: float
    reason: str


class ProbeClient:
    """The probe at a site's public URL. Raises NoSite for an invalid URL."""

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

    def request(
        self,
        method: str = "POST",
        body: Callable[[], Iterable[bytes]] = tuple,
        length: int | None = 0,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> ProbeResponse | NoResponse:
        """Sends one request and returns its result. Retries for MAX_BUSY_SECONDS while the probe is busy (429).

        The body is sent as `body` yields it. An empty chunk only checks for an early response. Without a length, the body is sent
        with chunked transfer encoding.
        """
        deadline = time.monotonic() + MAX_BUSY_SECONDS
        while True:
            result = self._send_request(method, body(), length, query, headers or {})
            is_busy = isinstance(result, ProbeResponse) and result.status == 429 and MARK in result.headers
            if not is_busy or time.monotonic() > deadline:
                return result
            time.sleep(RETRY_SECONDS)

    def certificate(self) -> dict[str, Any]:
        """Returns the verified certificate, as the ssl module does.

        Raises OSError; ssl.SSLCertVerificationError if the certificate is not trusted.
        """
        with (
            socket.create_connection((self.host, self.port or 443), CONNECT_SECONDS) as plain_socket,
            ssl.create_default_context().wrap_socket(plain_socket, server_hostname=self.host) as tls_socket,
        ):
            return tls_socket.getpeercert() or {}

    def _send_request(
        self, method: str, body: Iterable[bytes], length: int | None, query: str, headers: Mapping[str, str]
    ) -> ProbeResponse | NoResponse:
        connection = self._new_connection()
        last_sent_at = time.monotonic()
        try:
            connection.connect()
            connection.sock.settimeout(limits.MAX_PAUSE_SECONDS + CONNECT_SECONDS)
            self._send_headers(connection, method, length, query, headers)
            for chunk in body:
                if (first_byte := early_byte(connection.sock)) is not None:
                    connection.response_class = partial(Response, first_byte)  # type: ignore[assignment]
                    break
                if chunk:
                    _send(connection, chunk, is_chunked=length is None)
                    last_sent_at = time.monotonic()
            else:
                if length is None:
                    connection.send(b"0\r\n\r\n")
            return _read_response(connection, last_sent_at)
        except (OSError, http.client.HTTPException) as error:
            return _read_late_response(connection, error, last_sent_at)
        finally:
            connection.close()

    def _send_headers(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        length: int | None,
        query: str,
        headers: Mapping[str, str],
    ) -> None:
        connection.putrequest(method, f"{self._path}?{query}" if query else self._path, skip_accept_encoding=True)
        size = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        own_headers = {probe_token.HEADER: self._ticket, "Origin": self.url, "Connection": "close"}
        for name, value in {**size, **own_headers, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()

    def _new_connection(self) -> http.client.HTTPConnection:
        if not self.is_secure:
            return http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
        context = ssl.create_default_context()
        if not self.certificate_is_checked:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS, context=context)


def zeros(count: int) -> list[bytes]:
    """Returns a body of `count` zero bytes, in chunks."""
    full_chunks, remainder = divmod(count, CHUNK_BYTES)
    return [bytes(CHUNK_BYTES)] * full_chunks + ([bytes(remainder)] if remainder else [])


def _send(connection: http.client.HTTPConnection, chunk: bytes, is_chunked: bool) -> None:
    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)


def _read_response(connection: http.client.HTTPConnection, last_sent_at: float) -> ProbeResponse | NoResponse:
    response = connection.getresponse()
    seconds = time.monotonic() - last_sent_at
    content = response.read()
    report = None
    if MARK in response.headers:
        with suppress(ValueError):
            payload = json.loads(content or b"null")
            report = payload if isinstance(payload, dict) and "bytes" in payload else None
    return ProbeResponse(response.status, response.headers, report, seconds)


def _read_late_response(
    connection: http.client.HTTPConnection, error: Exception, last_sent_at: float
) -> ProbeResponse | NoResponse:
    """Returns the response of a server that rejected the body and closed the connection: it may still be in the buffer."""
    seconds = time.monotonic() - last_sent_at
    if isinstance(error, BrokenPipeError | ConnectionResetError):
        with suppress(OSError, http.client.HTTPException):
            return _read_response(connection, last_sent_at)
    return NoResponse(seconds, str(error) or type(error).__name__)


def early_byte(sock: socket.socket) -> bytes | None:
    """Returns the first byte of an early response, or b"" on a plain socket, which is not read. None if there is no response.

    A TLS socket may be readable because of protocol messages such as session tickets, so there a byte must be read.
    """
    if not select.select([sock], [], [], 0)[0]:
        return None
    if not isinstance(sock, ssl.SSLSocket):
        return b""
    timeout = sock.gettimeout()
    sock.setblocking(False)
    try:
        return sock.recv(1)
    except ssl.SSLWantReadError:
        return None
    finally:
        sock.settimeout(timeout)


class Response(http.client.HTTPResponse):
    """A response after its first byte has been read."""

    def __init__(self, first_byte: bytes, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_PrefixedReader(first_byte, self.fp))


class _PrefixedReader(io.RawIOBase):
    def __init__(self, prefix: bytes, stream: Any) -> None:
        self._prefix, self._stream = prefix, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if prefix := self._prefix:
            self._prefix = b""
            buffer[: len(prefix)] = prefix
            return len(prefix)
        return int(self._stream.readinto1(buffer))

    def close(self) -> None:
        self._stream.close()
        super().close()
