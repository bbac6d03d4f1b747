"""Responses for a file or a computed sequence of bytes: all of it, one range, or neither, as in RFC 9110 sections 13 and 14.

Clients can resume an interrupted download, and can check that they already have the file.
"""

import os
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

UNIT = "bytes"
SPECIFIER = re.compile(r"(?P<first>\d{1,19})-(?P<last>\d{1,19})?|-(?P<suffix>\d{1,19})", re.ASCII)


def respond(request: HttpRequest, file: Any, etag: str, content_type: str) -> HttpResponseBase:
    """Returns 200, 206, 304, 412 or 416 for a GET or HEAD of the open regular file, which is closed with the response.

    `etag` is a quoted strong entity tag. Last-Modified is the file's modification time.
    """
    status = os.fstat(file.fileno())
    modified = int(status.st_mtime)

    def open_range(byte_range: range) -> StreamingHttpResponse:
        return FileResponse(_FileRange(file, byte_range), content_type=content_type)

    response = respond_computed(request, status.st_size, etag, content_type, open_range, modified)
    if not response.streaming:
        file.close()
    return response


def respond_computed(
    request: HttpRequest,
    size: int,
    etag: str,
    content_type: str,
    open_range: Callable[[range], StreamingHttpResponse],
    modified: int | None = None,
) -> HttpResponseBase:
    """Returns 200, 206, 304, 412 or 416 for a GET or HEAD of `size` bytes. `open_range` streams a range of them.

    `etag` is a quoted strong entity tag. `modified` is the time for Last-Modified in seconds since 1970.
    """
    validators = {"ETag": etag, "Accept-Ranges": UNIT}
    if modified is not None:
        validators["Last-Modified"] = http_date(modified)
    head = HttpResponse(headers=validators | {"Content-Length": str(size)}, content_type=content_type)
    short_response: HttpResponse | None = get_conditional_response(request, etag, modified, head)
    ranges = _requested_ranges(request, size, validators)
    if short_response is head and request.method != "HEAD":
        short_response = _not_satisfiable(size) if ranges == [] else None
    if short_response is not None:
        return short_response
    # Several ranges get the whole file, as section 14.2 allows: a client that resumes a download requests only one.
    byte_range = ranges[0] if ranges and len(ranges) == 1 else None
    response = open_range(byte_range or range(size))
    for header, value in (validators | {"Content-Length": str(len(byte_range or range(size)))}).items():
        response[header] = value
    if byte_range:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"{UNIT} {byte_range.start}-{byte_range.stop - 1}/{size}"
    return response


def parse(header: str, size: int) -> list[range] | None:
    """Returns the ranges of a Range header that a file of `size` bytes can satisfy.

    None when the header is malformed or its unit is not bytes: it must be ignored then.
    """
    unit, _, range_set = header.partition("=")
    specifiers = [specifier.strip(" \t") for specifier in range_set.split(",")]
    ranges = [_range(specifier, size) for specifier in specifiers if specifier]
    if unit.strip().lower() != UNIT or not ranges or None in ranges:
        return None
    return [byte_range for byte_range in ranges if byte_range]


def _range(specifier: str, size: int) -> range | None:
    """Returns the range; empty when it begins after the end of the file; None when the specifier is malformed."""
    match = SPECIFIER.fullmatch(specifier)
    if match is None:
        return None
    if match["suffix"]:
        return range(max(0, size - int(match["suffix"])), size)
    first, last = int(match["first"]), int(match["last"] or size)
    if match["last"] and last < first:
        return None
    return range(first, min(last + 1, size))


def _requested_ranges(request: HttpRequest, size: int, validators: dict[str, str]) -> list[range] | None:
    """Returns the requested ranges; None when the whole file is requested. Only GET has ranges."""
    if request.method != "GET" or "Range" not in request.headers:
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() not in (validators["ETag"], validators.get("Last-Modified")):
        return None  # the client has a part of another version
    return parse(request.headers["Range"], size)


def _not_satisfiable(size: int) -> HttpResponse:
    message = f"The file has {size} bytes, and none in the range that was asked for."
    response = HttpResponse(message, status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, content_type="text/plain")
    response["Content-Range"] = f"{UNIT} */{size}"
    response["Accept-Ranges"] = UNIT
    return response


class _FileRange:
    """A range of an open file, to be read once. The file offset is the start of the range: gunicorn sends from there."""

    def __init__(self, file: Any, byte_range: range) -> None:
        file.seek(byte_range.start)
        self._file, self._remaining = file, len(byte_range)
        self.fileno, self.close = file.fileno, file.close

    def read(self, size: int) -> bytes:
        chunk: bytes = self._file.read(min(size, self._remaining))
        self._remaining -= len(chunk)
        return chunk
