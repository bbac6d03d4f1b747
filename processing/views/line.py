"""The line to the sender. Only gunicorn lets us at it; elsewhere bodies are read as Django does, and nobody is hung up on."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from processing.intake.pieces import Body

AT_ONCE = 16 << 10
"""Bytes asked for where a read waits until it has them all: what a line that breaks may lose."""


class EndUnknown(Exception):
    """The body has no length, and the server below does not say that it knows where it ends."""


@contextmanager
def impatient(request: HttpRequest) -> Iterator[None]:
    """While a body is read: a sender who is silent for BODY_IDLE_SECONDS is hung up on, which frees the thread."""
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


def body(request: HttpRequest) -> Body:
    """The request's body as it comes in: every read answers what is there, where gunicorn's own would wait for more.

    So no byte that arrived waits in memory for the next, and none is copied on its way. Raises EndUnknown.
    """
    reader = getattr(request.META["wsgi.input"], "reader", None)
    match reader:
        case LengthReader():
            return _Announced(reader, request.META["gunicorn.socket"])
        case ChunkedReader():
            return _Chunked(reader)
    if length(request) is not None:
        return _Plain(request)
    if not request.META.get("wsgi.input_terminated"):
        raise EndUnknown
    return _Plain(request.META["wsgi.input"])  # Django's own stream takes a body without a length for an empty one


def read(request: HttpRequest, most: int) -> bytes:
    """The body, or its first `most` bytes, all in memory. Raises EndUnknown, and UnreadablePostError when the line breaks."""
    if length(request) is not None:
        return request.read(most)
    coming, memory, count = body(request), memoryview(bytearray(most)), 0
    try:
        while more := coming.readinto(memory[count:]):
            count += more
    except OSError as error:
        raise UnreadablePostError(*error.args) from error
    return bytes(memory[:count])


def length(request: HttpRequest) -> int | None:
    """None while it is not known: a chunked body tells it at its end."""
    if request.headers.get("Transfer-Encoding"):
        return None
    raw = request.META.get("CONTENT_LENGTH") or "0"
    return int(raw) if raw.isascii() and raw.isdigit() else 0


class _Announced:
    """Content-Length is known. What came in with the headers lies in gunicorn's buffer; all else is taken from the socket."""

    def __init__(self, reader: Any, line: socket.socket) -> None:
        self._reader, self._line = reader, line

    def readinto(self, buffer: memoryview) -> int:
        buffer = buffer[: self._reader.length]
        if not buffer:
            return 0
        early = self._reader.unreader.take_buffered()
        count = len(early[: len(buffer)])
        if early:
            buffer[:count] = early[:count]
            self._reader.unreader.unread(early[count:])
            with suppress(OSError):  # a line that broke is told by the next read: these bytes are here
                count += self._line.recv_into(buffer[count:]) if self._has_more() else 0
        else:
            count = self._line.recv_into(buffer)
        if not count:
            raise ConnectionResetError("The body ended before its length")
        self._reader.length -= count  # else gunicorn would wait for them, to reach the next request
        return count

    def _has_more(self) -> bool:
        """Is there more already? Then it comes with what came before, in one piece instead of two."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        return bool(poll.poll(0))


class _Chunked:
    def __init__(self, reader: Any) -> None:
        self._reader, self._rest = reader, memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        if not self._rest:
            self._rest = memoryview(self._next())
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def _next(self) -> bytes:
        """The next bytes, or none at the end of the body.

        gunicorn's parser also gives none where a chunk's first byte has not come with its size: only a parser that stops is at
        the end. What follows on the connection after that is the next request.
        """
        while self._reader.parser:
            try:
                chunk: bytes | None = next(self._reader.parser, None)
            except ParseException as error:
                raise ConnectionResetError("The chunks make no sense") from error
            if chunk:
                return chunk
            if chunk is None:
                self._reader.parser = None  # as gunicorn does
        return b""


class _Plain:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readinto(self, buffer: memoryview) -> int:
        chunk = self._stream.read(min(len(buffer), AT_ONCE))
        buffer[: len(chunk)] = chunk
        return len(chunk)
