"""Reports whether gunicorn has read a request's body completely, and whether the body was malformed.

gunicorn tracks only what is read through its Body, and treats a chunk generator that failed as one that has ended.
"""

from collections.abc import Iterator
from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import IterUnreader


def track_errors(request: Any) -> None:
    """Makes the request's body record (`failed`, `is_malformed`) when reading its chunks fails, for every reader."""
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
    """True if more of the body may arrive or its end is unknown. The connection cannot serve another request then."""
    body = getattr(request, "body", None)
    if body is None or body.failed:
        return True
    if isinstance(body.reader, LengthReader):
        return bool(body.reader.length > len(body.reader.unreader.buf.getvalue()))
    return body.reader.parser is not None


def buffer(request: Any, most: int) -> bool:
    """Reads a chunked body and replaces it with one of known length. Returns False if it has more than `most` bytes.

    Raises gunicorn's ParseException if the body is malformed, and OSError if the client has disconnected.
    """
    content = request.body.read(most + 1)
    if len(content) > most:
        return False
    unreader = IterUnreader(())
    unreader.unread(content)
    request.headers = [(name, value) for name, value in request.headers if name != "TRANSFER-ENCODING"]
    request.headers.append(("CONTENT-LENGTH", str(len(content))))
    request.body = Body(LengthReader(unreader, len(content)))
    request.body.is_malformed = False
    return True
