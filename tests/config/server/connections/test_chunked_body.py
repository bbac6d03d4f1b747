"""Recognising the end of a chunked body, in pieces of any size."""

import pytest
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import IterUnreader

from config.server.connections.chunked_body import LINE_BYTES, MAX_CHUNKS, TRAILER_BYTES, ChunkScanner, TooLarge

BODY = b"5;name=value\r\nfirst\r\n1A\r\n" + b"x" * 26 + b"\r\n0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize("step", range(1, len(BODY) + 1))
def test_a_body_is_complete_with_its_last_byte(step):
    chunks, received = ChunkScanner(4, 31), bytearray(b"head")
    results = []
    for offset in range(0, len(BODY), step):
        received += BODY[offset : offset + step]
        results.append(chunks.is_complete(received))

    assert results == [False] * (len(results) - 1) + [True]


@pytest.mark.parametrize("following", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_bytes_after_the_body_do_not_matter(following):
    assert ChunkScanner(0, 31).is_complete(bytearray(BODY + following))


@pytest.mark.parametrize("malformed", [b"\r\n", b"zz\r\n", b"-1\r\n", b"0x5\r\n", b"5 5\r\n", b"2\r\nabX?"])
def test_a_malformed_body_counts_as_complete(malformed):
    """gunicorn's parser rejects such a body without further bytes."""
    assert ChunkScanner(0, 1 << 20).is_complete(bytearray(malformed))
    with pytest.raises(ParseException):
        ChunkedReader(None, IterUnreader([malformed])).read(1 << 20)


LARGE = {
    "a chunk": (31, b"20\r\n"),
    "two chunks together": (31, b"5\r\nfirst\r\n1B\r\n"),
    "a size above all numbers": (31, b"F" * 17 + b"\r\n"),
    "too many chunks": (1 << 20, b"1\r\na\r\n" * (MAX_CHUNKS + 1)),
    "large chunk extensions": (1000, (b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 200),
    "a line without end": (1 << 20, b"1" * LINE_BYTES),
    "a trailer without end": (1 << 20, b"0\r\n" + b"a" * TRAILER_BYTES),
}


@pytest.mark.parametrize(("max_bytes", "body"), LARGE.values(), ids=LARGE)
def test_a_body_that_is_too_large_is_rejected_before_it_is_complete(max_bytes, body):
    with pytest.raises(TooLarge):
        ChunkScanner(0, max_bytes).is_complete(bytearray(body))
