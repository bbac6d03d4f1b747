"""The line to the sender. Only gunicorn lets us at it; elsewhere bodies are read as Django does, and nobody is hung up on."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from processing.uploads.body_reader import Body
from processing.uploads.body_timeouts import Pace

MAX_DRAIN_BYTES = 256 << 20
MAX_DRAIN_SECONDS = 10.0
DRAIN_CHUNK = 256 << 10

PACE = "darkroom.pace"
"""Of the request whose body is read, in its WSGI environment."""
AT_ONCE = 16 << 10
"""Bytes asked for where a read waits until it has them all: what a line that breaks may lose."""


class EndUnknown(Exception):
    """The body has no length, and the server below does not say that it knows where it ends."""


@contextmanager
def impatient(request: HttpRequest, pace: Pace) -> Iterator[None]:
    """While a body is read: a sender who is silent, or slower than the pace allows, is hung up on, which frees the thread.

    Every wait for the socket is bounded, also those inside gunicorn's parser of chunks: bytes that trickle in extend nothing.
    """
    request.META[PACE] = pace
    line = request.META.get("gunicorn.socket")
    if line is None:
        yield
        return
    unreader = _unreader(request)
    before, watched = line.gettimeout(), getattr(unreader, "sock", None)
    if watched is not None:
        unreader.sock = _Paced(watched, pace)
    try:
        yield
    finally:
        if watched is not None:
            unreader.sock = watched
        with suppress(OSError):  # it is gone already
            line.settimeout(before)


def hang_up(request: HttpRequest) -> None:
    """Read no more from this sender, who fell silent or broke off: the connection ends as soon as the answer is sent."""
    close_after(request)
    if line := request.META.get("gunicorn.socket"):
        with suppress(OSError):  # it is gone already
            line.shutdown(socket.SHUT_RD)


def close_after(request: HttpRequest) -> None:
    """Leave the rest of the body unread: the connection ends after the answer.

    gunicorn would otherwise look for the next request behind the body. `failed` is its own word for one behind which none can be
    found.
    """
    stream: Any = request.META.get("wsgi.input")
    if hasattr(stream, "failed") and not _is_read(stream.reader):
        stream.failed = True


def body(request: HttpRequest) -> Body:
    """The request's body as it comes in: every read answers what is there, where gunicorn's own would wait for more.

    So no byte that arrived waits in memory for the next, and none is copied on its way. Raises EndUnknown.
    """
    reader, pace = getattr(request.META["wsgi.input"], "reader", None), request.META.get(PACE)
    match reader:
        case LengthReader():
            return _Announced(reader, request.META["gunicorn.socket"], pace)
        case ChunkedReader():
            return _Chunked(reader)
    if length(request) is not None:
        return _Plain(request, pace)
    if not request.META.get("wsgi.input_terminated"):
        raise EndUnknown
    return _Plain(
        request.META["wsgi.input"], pace
    )  # Django's own stream takes a body without a length for an empty one


def read(request: HttpRequest, most: int) -> bytes:
    """The body, or its first `most` bytes, all in memory. Raises EndUnknown, and UnreadablePostError when the line breaks.

    The memory grows with what has come, not with what is announced.
    """
    coming, pieces, buffer = body(request), bytearray(), memoryview(bytearray(AT_ONCE))
    try:
        while (room := most - len(pieces)) and (count := coming.readinto(buffer[:room])):
            pieces += buffer[:count]
    except OSError as error:
        raise UnreadablePostError(*error.args) from error
    return bytes(pieces)


def length(request: HttpRequest) -> int | None:
    """None while it is not known: a chunked body tells it at its end."""
    if request.headers.get("Transfer-Encoding"):
        return None
    raw = request.META.get("CONTENT_LENGTH") or "0"
    return int(raw) if raw.isascii() and raw.isdigit() else 0


class _Announced:
    """Content-Length is known. What came in with the headers lies in gunicorn's buffer; all else is taken from the socket."""

    def __init__(self, reader: Any, line: socket.socket, pace: Pace | None = None) -> None:
        self._reader, self._line, self._take = reader, line, _Paced(line, pace) if pace else line

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
            count = self._take.recv_into(buffer)
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
    """Another server's stream, or one in memory. What it waits for cannot be cut short, but is over when it was too long."""

    def __init__(self, stream: Any, pace: Pace | None = None) -> None:
        self._stream, self._pace = stream, pace

    def readinto(self, buffer: memoryview) -> int:
        if self._pace:
            self._pace.ask()
        chunk = self._stream.read(min(len(buffer), AT_ONCE))
        if self._pace:
            self._pace.hear(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Paced:
    """A socket on which every wait ends when the pace of the body says so, with TooSlow or TimeoutError."""

    def __init__(self, line: socket.socket, pace: Pace) -> None:
        self._line, self._pace = line, pace

    def recv(self, size: int) -> bytes:
        with self._waiting():
            chunk = self._line.recv(size)
        self._pace.hear(len(chunk))
        return chunk

    def recv_into(self, buffer: memoryview) -> int:
        with self._waiting():
            count = self._line.recv_into(buffer)
        self._pace.hear(count)
        return count

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._line.settimeout(self._pace.ask())
        try:
            yield
        except TimeoutError:
            self._pace.hear(0)
            self._pace.ask()  # raises TooSlow if it was that, and not silence
            raise


def _unreader(request: HttpRequest) -> Any:
    """gunicorn's buffer of the connection, which its parsers read through; None with another server, or of a body in memory."""
    reader = getattr(request.META.get("wsgi.input"), "reader", None)
    return getattr(reader, "unreader", None) or getattr(getattr(reader, "req", None), "unreader", None)


def _is_read(reader: Any) -> bool:
    """Was all of the body read?"""
    match reader:
        case LengthReader():
            return bool(reader.length == 0)
        case ChunkedReader():
            return reader.parser is None
    return False


def drain(request: HttpRequest) -> None:
    """Leave the rest of the body to gunicorn; read it within bounds where another server runs.

    An answer sent while the body is still arriving is lost: the browser shows "connection reset" in its place. So the rest of a
    refused body is read and thrown away. Under gunicorn its main thread does so after the answer, for every request whose body
    was not read to the end, and closes the connection then (`DISCARD_SECONDS` in config/server/gunicorn_worker.py): no thread
    waits, and no place among the uploads is taken.
    """
    if "gunicorn.socket" in request.META:
        return
    until, left = time.monotonic() + MAX_DRAIN_SECONDS, MAX_DRAIN_BYTES
    with suppress(OSError, EndUnknown):  # the sender has gone: nobody waits for an answer
        stream, memory = body(request), memoryview(bytearray(DRAIN_CHUNK))
        while left > 0 and time.monotonic() < until and (count := stream.readinto(memory)):
            left -= count
