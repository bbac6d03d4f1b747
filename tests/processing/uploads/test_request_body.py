"""Body bytes that arrived together with the headers, and those that arrive after them."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.http.body import ChunkedReader
from gunicorn.http.unreader import IterUnreader

from processing.uploads.request_body import _BodyWithLength, _ChunkedBody


class Unreader:
    """gunicorn's buffer, with the two methods that are called here."""

    def __init__(self, early: bytes) -> None:
        self._early = early

    def take_buffered(self) -> bytes:
        early, self._early = self._early, b""
        return early

    def unread(self, unused: bytes) -> None:
        self._early = unused


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    server_socket, client_socket = socket.socketpair()
    with server_socket, client_socket:
        server_socket.settimeout(60)
        yield server_socket, client_socket


def body(server_socket: socket.socket, early: bytes, length: int) -> _BodyWithLength:
    return _BodyWithLength(SimpleNamespace(length=length, unreader=Unreader(early)), server_socket)


def read(request_body: _BodyWithLength | _ChunkedBody, size: int = 100) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: request_body.readinto(memoryview(buffer))])


def test_early_and_available_bytes_are_returned_together(sockets):
    sockets[1].send(b"and more, and what is of the next request")

    assert read(body(sockets[0], b"early ", 14)) == b"early and more"


def test_early_bytes_are_returned_without_waiting_for_more(sockets):
    request_body = body(sockets[0], b"early ", 14)

    assert read(request_body) == b"early "
    sockets[1].send(b"and more")
    assert read(request_body) == b"and more"
    assert read(request_body) == b""


def test_bytes_that_do_not_fit_are_returned_by_the_next_read(sockets):
    request_body = body(sockets[0], b"early", 5)

    assert [read(request_body, 2), read(request_body, 2), read(request_body, 2)] == [b"ea", b"rl", b"y"]


@pytest.mark.parametrize(
    "break_connection", [socket.socket.close, lambda client_socket: client_socket.shutdown(socket.SHUT_WR)]
)
def test_a_connection_that_breaks_loses_no_early_byte(sockets, break_connection):
    request_body = body(sockets[0], b"early ", 14)
    sockets[0].send(b"an unread response")  # so that closing the client's side causes a reset
    break_connection(sockets[1])

    assert read(request_body) == b"early "
    with pytest.raises(ConnectionResetError):
        read(request_body)


CHUNKS = b"5\r\nfirst\r\n6;name=value\r\nsecond\r\n0\r\n\r\n"
NEXT_REQUEST = b"GET /albums/ HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("size", range(1, len(CHUNKS)))
def test_chunks_may_arrive_in_segments_of_any_size(size):
    """gunicorn's parser returns an empty read where a segment ends after a chunk's size."""
    unreader = IterUnreader(CHUNKS[start : start + size] for start in range(0, len(CHUNKS), size))
    chunked = _ChunkedBody(ChunkedReader(None, unreader))

    assert b"".join(iter(lambda: read(chunked), b"")) == b"firstsecond"
    assert read(chunked) == b""


def test_bytes_after_the_last_chunk_belong_to_the_next_request():
    unreader = IterUnreader([CHUNKS[:3], CHUNKS[3:] + NEXT_REQUEST])
    chunked = _ChunkedBody(ChunkedReader(None, unreader))

    assert b"".join(iter(lambda: read(chunked), b"")) == b"firstsecond"
    assert unreader.read() == NEXT_REQUEST
