"""Answers for a file on the disk: the whole file, one range of its bytes, or neither, as RFC 9110 sections 13 and 14 have it.

So a download that broke goes on where it was, and a browser or a program can tell that it has the file already.
"""

import os
import re
from http import HTTPStatus
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

UNIT = "bytes"
SPECIFIER = re.compile(r"(?P<first>\d{1,19})-(?P<last>\d{1,19})?|-(?P<suffix>\d{1,19})", re.ASCII)


def respond(request: HttpRequest, file: Any, etag: str, content_type: str) -> HttpResponseBase:
    """Returns 200, 206, 304, 412 or 416 for a GET or HEAD of the open regular file, which is closed with the response.

    `etag` is a strong entity tag in its quotes. Last-Modified is the file's own date.
    """
    status = os.fstat(file.fileno())
    size, modified = status.st_size, int(status.st_mtime)
    validators = {"ETag": etag, "Last-Modified": http_date(modified), "Accept-Ranges": UNIT}
    bare = HttpResponse(headers=validators | {"Content-Length": str(size)}, content_type=content_type)
    short: HttpResponse | None = get_conditional_response(request, etag, modified, bare)
    asked = _asked(request, size, validators)
    if short is bare and request.method != "HEAD":
        short = _not_satisfiable(size) if asked == [] else None
    if short is not None:
        file.close()
        return short
    # Several ranges at once are answered with the whole file, as section 14.2 allows: who goes on with a download asks for one.
    part = asked[0] if asked and len(asked) == 1 else None
    response = FileResponse(_Part(file, part or range(size)), headers=validators, content_type=content_type)
    response["Content-Length"] = str(len(part or range(size)))
    if part:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"{UNIT} {part.start}-{part.stop - 1}/{size}"
    return response


def parse(header: str, size: int) -> list[range] | None:
    """Returns those ranges of a Range header that a file of `size` bytes can satisfy; None when the header is to be ignored.

    That is when it is malformed, or its unit is not bytes.
    """
    unit, _, specifiers = header.partition("=")
    asked = [specifier.strip(" \t") for specifier in specifiers.split(",")]
    found = [_range(specifier, size) for specifier in asked if specifier]
    if unit.strip().lower() != UNIT or not found or None in found:
        return None
    return [each for each in found if each]


def _range(specifier: str, size: int) -> range | None:
    """Empty when the file ends before it; None when it is malformed."""
    told = SPECIFIER.fullmatch(specifier)
    if told is None:
        return None
    if told["suffix"]:
        return range(max(0, size - int(told["suffix"])), size)
    first, last = int(told["first"]), int(told["last"] or size)
    if told["last"] and last < first:
        return None
    return range(first, min(last + 1, size))


def _asked(request: HttpRequest, size: int, validators: dict[str, str]) -> list[range] | None:
    """The ranges that are asked for; None when the whole file is. Only GET has ranges."""
    if request.method != "GET" or "Range" not in request.headers:
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() not in (validators["ETag"], validators["Last-Modified"]):
        return None  # the client has a part of other bytes
    return parse(request.headers["Range"], size)


def _not_satisfiable(size: int) -> HttpResponse:
    words = f"The file has {size} bytes, and none in the range that was asked for."
    response = HttpResponse(words, status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, content_type="text/plain")
    response["Content-Range"] = f"{UNIT} */{size}"
    response["Accept-Ranges"] = UNIT
    return response


class _Part:
    """A range of an open file, to be read once. Its fileno() stands where the range begins: gunicorn sends from there."""

    def __init__(self, file: Any, part: range) -> None:
        file.seek(part.start)
        self._file, self._left = file, len(part)
        self.fileno, self.close = file.fileno, file.close

    def read(self, size: int) -> bytes:
        chunk: bytes = self._file.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk
