"""A request's body as gunicorn has it: whether it has been read to its end, and whether it made sense.

gunicorn looks only at what was read by way of its Body, and takes a generator of chunks that failed for one that ended.
"""

from collections.abc import Iterator
from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import IterUnreader


def watch(request: Any) -> None:
    """Note in the body of the request (`failed`, `is_malformed`) when reading its chunks fails, whoever reads them."""
    body = request.body
    body.is_malformed = False
    if isinstance(body.reader, ChunkedReader):
        body.reader.parser = _watched(body.reader.parser, body)


def _watched(chunks: Iterator[bytes], body: Any) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception as error:
        body.failed = True
        body.is_malformed = isinstance(error, ParseException)
        raise


def is_unread(request: Any) -> bool:
    """May more of the body come from the client, or is it unknown where it ends? Then the connection serves no other request."""
    body = getattr(request, "body", None)
    if body is None or body.failed:
        return True
    if isinstance(body.reader, LengthReader):
        return bool(body.reader.length > len(body.reader.unreader.buf.getvalue()))
    return body.reader.parser is not None


def gather(request: Any, most: int) -> bool:
    """Read a body of chunks, and give the request one of known length in its place. False when it has more than `most` bytes.

    Raises gunicorn's ParseException when it is malformed, and OSError when the client is gone.
    """
    content = request.body.read(most + 1)
    if len(content) > most:
        return False
    there = IterUnreader(())
    there.unread(content)
    request.headers = [(name, value) for name, value in request.headers if name != "TRANSFER-ENCODING"]
    request.headers.append(("CONTENT-LENGTH", str(len(content))))
    request.body = Body(LengthReader(there, len(content)))
    request.body.is_malformed = False
    return True
