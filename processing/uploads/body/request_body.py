"""Reads request bodies straight from gunicorn's socket, with timeouts and an early close of the connection.

On other servers it falls back to the WSGI stream, and no connection is closed early.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from processing.uploads.body.body_timeouts import BodyTimeouts

MAX_DRAIN_BYTES = 256 << 20
MAX_DRAIN_SECONDS = 10.0
DRAIN_CHUNK_BYTES = 256 << 10

PACE_KEY = "darkroom.pace"
"""The WSGI environment's key for the Pace of the body that is being read."""
BLOCKING_READ_BYTES = 16 << 10
"""Size of a read that blocks until it is complete. A broken connection loses at most this many bytes."""


class Body(Protocol):
    def readinto(self, buffer: memoryview) -> int:
        """Reads the bytes that are available, at most as many as fit into `buffer`. Waits only if there are none.

        Returns 0 at the end of the body. Raises OSError if the connection breaks before.
        """


class LengthUnknown(Exception):
    """The request has no Content-Length, and the WSGI server does not declare that it ends the stream with the body."""


@contextmanager
def idle_timeout(request: HttpRequest, pace: BodyTimeouts) -> Iterator[None]:
    """Applies the pace's timeouts to reads of the body, so that a silent or slow client does not keep the thread.

    Every wait for the socket is bounded, also those inside gunicorn's parser of chunks. Bytes that trickle in extend no timeout.
    """
    request.META[PACE_KEY] = pace
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield
        return
    unreader = _unreader(request)
    timeout_before, unreader_socket = connection.gettimeout(), getattr(unreader, "sock", None)
    if unreader_socket is not None:
        unreader.sock = _PacedSocket(unreader_socket, pace)
    try:
        yield
    finally:
        if unreader_socket is not None:
            unreader.sock = unreader_socket
        with suppress(OSError):  # the socket is closed already
            connection.settimeout(timeout_before)


def close_read(request: HttpRequest) -> None:
    """Shuts down the read side of a client's connection after an error or timeout. It closes as soon as the response is sent."""
    close_after_response(request)
    if connection := request.META.get("gunicorn.socket"):
        with suppress(OSError):  # the socket is closed already
            connection.shutdown(socket.SHUT_RD)


def close_after_response(request: HttpRequest) -> None:
    """Leaves the rest of the body unread and closes the connection after the response.

    gunicorn would otherwise read the body to its end to find the next request. Its attribute `failed` marks a body behind which
    no request can be found.
    """
    stream: Any = request.META.get("wsgi.input")
    if hasattr(stream, "failed") and not _is_read_to_end(stream.reader):
        stream.failed = True


def open_reader(request: HttpRequest) -> Body:
    """Returns a reader of the body. Each read returns the bytes that have arrived, while gunicorn's own reads wait for more.

    So bytes that have arrived are neither held in memory until the next ones come, nor copied. Raises LengthUnknown.
    """
    reader, pace = getattr(request.META["wsgi.input"], "reader", None), request.META.get(PACE_KEY)
    match reader:
        case LengthReader():
            return _BodyWithLength(reader, request.META["gunicorn.socket"], pace)
        case ChunkedReader():
            return _ChunkedBody(reader)
    if length(request) is not None:
        return _StreamBody(request, pace)
    if not request.META.get("wsgi.input_terminated"):
        raise LengthUnknown
    # Not the request itself: Django's stream treats a body without a length as empty.
    return _StreamBody(request.META["wsgi.input"], pace)


def read(request: HttpRequest, max_bytes: int) -> bytes:
    """Returns the body, or its first `max_bytes` bytes. Raises LengthUnknown, and UnreadablePostError when the connection breaks.

    Memory use grows with the bytes that have arrived, not with the announced length.
    """
    reader, content, buffer = open_reader(request), bytearray(), memoryview(bytearray(BLOCKING_READ_BYTES))
    try:
        while (remaining := max_bytes - len(content)) and (count := reader.readinto(buffer[:remaining])):
            content += buffer[:count]
    except OSError as error:
        raise UnreadablePostError(*error.args) from error
    return bytes(content)


def length(request: HttpRequest) -> int | None:
    """Returns the body's length in bytes; None for a chunked body, since its length is known only at the end."""
    if request.headers.get("Transfer-Encoding"):
        return None
    header = request.META.get("CONTENT_LENGTH") or "0"
    return int(header) if header.isascii() and header.isdigit() else 0


class _BodyWithLength:
    """A body with a Content-Length. Bytes that came with the headers are in gunicorn's buffer; all others are in the socket."""

    def __init__(self, reader: Any, connection: socket.socket, pace: BodyTimeouts | None = None) -> None:
        self._reader, self._socket = reader, connection
        self._paced_socket = _PacedSocket(connection, pace) if pace else connection

    def readinto(self, buffer: memoryview) -> int:
        buffer = buffer[: self._reader.length]
        if not buffer:
            return 0
        buffered = self._reader.unreader.take_buffered()
        count = len(buffered[: len(buffer)])
        if buffered:
            buffer[:count] = buffered[:count]
            self._reader.unreader.unread(buffered[count:])
            with suppress(OSError):  # the buffered bytes count even if the connection broke; the next read raises
                count += self._socket.recv_into(buffer[count:]) if self._has_more() else 0
        else:
            count = self._paced_socket.recv_into(buffer)
        if not count:
            raise ConnectionResetError("The body ended before its Content-Length")
        self._reader.length -= count  # gunicorn would otherwise wait for these bytes, to reach the next request
        return count

    def _has_more(self) -> bool:
        """True if the socket has bytes ready, which are then returned together with the buffered ones."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


class _ChunkedBody:
    def __init__(self, reader: Any) -> None:
        self._reader, self._unread = reader, memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        if not self._unread:
            self._unread = memoryview(self._next())
        count = min(len(buffer), len(self._unread))
        buffer[:count], self._unread = self._unread[:count], self._unread[count:]
        return count

    def _next(self) -> bytes:
        """Returns the next bytes, or b"" at the end of the body.

        gunicorn's parser also returns b"" when a chunk's size arrived without the chunk's first byte, so only an exhausted
        parser marks the end. Bytes after the end belong to the next request.
        """
        while self._reader.parser:
            try:
                chunk: bytes | None = next(self._reader.parser, None)
            except ParseException as error:
                raise ConnectionResetError("The chunked encoding is invalid") from error
            if chunk:
                return chunk
            if chunk is None:
                self._reader.parser = None  # as gunicorn does
        return b""


class _StreamBody:
    """Another server's stream, or one in memory. A read cannot be interrupted; exceeded time limits raise after it."""

    def __init__(self, stream: Any, pace: BodyTimeouts | None = None) -> None:
        self._stream, self._pace = stream, pace

    def readinto(self, buffer: memoryview) -> int:
        if self._pace:
            self._pace.next_timeout()
        chunk = self._stream.read(min(len(buffer), BLOCKING_READ_BYTES))
        if self._pace:
            self._pace.received(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _PacedSocket:
    """A socket that limits every wait by the body's pace. Raises TooSlow or TimeoutError."""

    def __init__(self, connection: socket.socket, pace: BodyTimeouts) -> None:
        self._socket, self._pace = connection, pace

    def recv(self, size: int) -> bytes:
        with self._waiting():
            chunk = self._socket.recv(size)
        self._pace.received(len(chunk))
        return chunk

    def recv_into(self, buffer: memoryview) -> int:
        with self._waiting():
            count = self._socket.recv_into(buffer)
        self._pace.received(count)
        return count

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._socket.settimeout(self._pace.next_timeout())
        try:
            yield
        except TimeoutError:
            self._pace.received(0)
            self._pace.next_timeout()  # raises TooSlow if the client was slow rather than silent
            raise


def _unreader(request: HttpRequest) -> Any:
    """Returns gunicorn's read buffer of the connection; None on other servers, and for a body in memory."""
    reader = getattr(request.META.get("wsgi.input"), "reader", None)
    return getattr(reader, "unreader", None) or getattr(getattr(reader, "req", None), "unreader", None)


def _is_read_to_end(reader: Any) -> bool:
    """True if the body was read to its end."""
    match reader:
        case LengthReader():
            return bool(reader.length == 0)
        case ChunkedReader():
            return reader.parser is None
    return False


def drain(request: HttpRequest) -> None:
    """Reads and discards the rest of the body, at most MAX_DRAIN_BYTES and MAX_DRAIN_SECONDS. Does nothing under gunicorn.

    A response that is sent while the body is still arriving is lost: the browser shows "connection reset" instead. So the rest
    of a rejected body has to be read. Under gunicorn the main thread does that after the response, for every request whose body
    was not read to its end, and then closes the connection (`DISCARD_SECONDS` in config/server/gunicorn_worker.py). So
    no thread waits and no upload slot is occupied.
    """
    if "gunicorn.socket" in request.META:
        return
    deadline, remaining = time.monotonic() + MAX_DRAIN_SECONDS, MAX_DRAIN_BYTES
    with suppress(OSError, LengthUnknown):  # the client has closed the connection and reads no response
        reader, buffer = open_reader(request), memoryview(bytearray(DRAIN_CHUNK_BYTES))
        while remaining > 0 and time.monotonic() < deadline and (count := reader.readinto(buffer)):
            remaining -= count
