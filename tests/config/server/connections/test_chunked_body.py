"""How far a body in chunks has come, whatever its pieces."""

import pytest
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import IterUnreader

from config.server.connections.chunked_body import LINE_BYTES, MAX_CHUNKS, TRAILER_BYTES, ChunkScanner, TooLarge

BODY = b"5;name=value\r\nfirst\r\n1A\r\n" + b"x" * 26 + b"\r\n0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize("step", range(1, len(BODY) + 1))
def test_it_is_here_when_its_last_byte_is(step):
    chunks, received = ChunkScanner(4, 31), bytearray(b"head")
    told = []
    for at in range(0, len(BODY), step):
        received += BODY[at : at + step]
        told.append(chunks.is_complete(received))

    assert told == [False] * (len(told) - 1) + [True]


@pytest.mark.parametrize("behind", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_follows_it_does_not_matter(behind):
    assert ChunkScanner(0, 31).is_complete(bytearray(BODY + behind))


@pytest.mark.parametrize("malformed", [b"\r\n", b"zz\r\n", b"-1\r\n", b"0x5\r\n", b"5 5\r\n", b"2\r\nabX?"])
def test_what_is_malformed_is_not_waited_for(malformed):
    """gunicorn's parser needs nothing more to say so."""
    assert ChunkScanner(0, 1 << 20).is_complete(bytearray(malformed))
    with pytest.raises(ParseException):
        ChunkedReader(None, IterUnreader([malformed])).read(1 << 20)


LARGE = {
    "a chunk": (31, b"20\r\n"),
    "two chunks together": (31, b"5\r\nfirst\r\n1B\r\n"),
    "beyond all numbers": (31, b"F" * 17 + b"\r\n"),
    "chunks without number": (1 << 20, b"1\r\na\r\n" * (MAX_CHUNKS + 1)),
    "words beside each chunk": (1000, (b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 200),
    "a line without end": (1 << 20, b"1" * LINE_BYTES),
    "a trailer without end": (1 << 20, b"0\r\n" + b"a" * TRAILER_BYTES),
}


@pytest.mark.parametrize(("most", "large"), LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_refused_before_it_has_come(most, large):
    with pytest.raises(TooLarge):
        ChunkScanner(0, most).is_complete(bytearray(large))
