"""What came with the headers, and what comes after them."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.http.body import ChunkedReader
from gunicorn.http.unreader import IterUnreader

from processing.uploads.request_body import _BodyWithLength, _ChunkedBody


class Unreader:
    """gunicorn's buffer, as far as it is asked for here."""

    def __init__(self, early: bytes) -> None:
        self._early = early

    def take_buffered(self) -> bytes:
        early, self._early = self._early, b""
        return early

    def unread(self, rest: bytes) -> None:
        self._early = rest


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(60)
        yield ours, theirs


def body(ours: socket.socket, early: bytes, length: int) -> _BodyWithLength:
    return _BodyWithLength(SimpleNamespace(length=length, unreader=Unreader(early)), ours)


def read(announced: _BodyWithLength | _ChunkedBody, size: int = 100) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: announced.readinto(memoryview(buffer))])


def test_what_is_there_comes_with_what_came_before(line):
    line[1].send(b"and more, and what is of the next request")

    assert read(body(line[0], b"early ", 14)) == b"early and more"


def test_nothing_is_waited_for_when_something_came_before(line):
    announced = body(line[0], b"early ", 14)

    assert read(announced) == b"early "
    line[1].send(b"and more")
    assert read(announced) == b"and more"
    assert read(announced) == b""


def test_what_does_not_fit_waits_for_the_next_read(line):
    announced = body(line[0], b"early", 5)

    assert [read(announced, 2), read(announced, 2), read(announced, 2)] == [b"ea", b"rl", b"y"]


@pytest.mark.parametrize("breaks", [socket.socket.close, lambda theirs: theirs.shutdown(socket.SHUT_WR)])
def test_a_line_that_breaks_loses_nothing_of_what_came_before(line, breaks):
    announced = body(line[0], b"early ", 14)
    line[0].send(b"an answer that nobody reads")  # so that closing is told as a reset
    breaks(line[1])

    assert read(announced) == b"early "
    with pytest.raises(ConnectionResetError):
        read(announced)


CHUNKS = b"5\r\nfirst\r\n6;name=value\r\nsecond\r\n0\r\n\r\n"
NEXT_REQUEST = b"GET /albums/ HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("size", range(1, len(CHUNKS)))
def test_chunks_may_come_in_segments_of_any_size(size):
    """gunicorn's parser gives an empty piece where a segment ends behind a chunk's size."""
    unreader = IterUnreader(CHUNKS[at : at + size] for at in range(0, len(CHUNKS), size))
    chunked = _ChunkedBody(ChunkedReader(None, unreader))

    assert b"".join(iter(lambda: read(chunked), b"")) == b"firstsecond"
    assert read(chunked) == b""


def test_what_follows_the_last_chunk_belongs_to_the_next_request():
    unreader = IterUnreader([CHUNKS[:3], CHUNKS[3:] + NEXT_REQUEST])
    chunked = _ChunkedBody(ChunkedReader(None, unreader))

    assert b"".join(iter(lambda: read(chunked), b"")) == b"firstsecond"
    assert unreader.read() == NEXT_REQUEST
