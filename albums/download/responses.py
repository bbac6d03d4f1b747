"""Responses to a download: a range of the archive, or why there is none yet."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render

from albums import ranges
from albums.attachments import attachment
from albums.delivery import RUNS_NOTHING
from albums.download.archive import Archive
from albums.download.slots import Slot

CONTENT_TYPE = "application/zip"
REVALIDATED = "private, no-cache, no-transform"
"""The same URL returns another archive when the album changes. Proxies may not compress it, which would prevent ranges."""


def send(request: HttpRequest, archive: Archive) -> HttpResponseBase:
    """Returns 200, 206, 304, 412 or 416. Raises FileMissing, and AllSlotsTaken if it is a GET for which no slot is free."""

    def open_range(byte_range: range) -> StreamingHttpResponse:
        assert isinstance(request.user, User)
        archive.ensure_stored(byte_range)
        return StreamingHttpResponse(_Body(archive, byte_range, Slot(request.user.pk)), content_type=CONTENT_TYPE)

    response = ranges.respond_computed(request, archive.size, archive.etag, CONTENT_TYPE, open_range)
    response["Content-Disposition"] = attachment(archive.name)
    response["Cache-Control"] = REVALIDATED
    response["Content-Security-Policy"] = RUNS_NOTHING
    response["X-Accel-Buffering"] = "no"  # nginx would first write up to a gigabyte to its disk
    return response


def refuse(
    request: HttpRequest, template: str, status: HTTPStatus, code: str, message: str, **context: Any
) -> HttpResponse:
    """Returns a page, or JSON with the code and the message for a client that does not accept HTML."""
    if not request.accepts("text/html"):
        return JsonResponse({"error": code, "message": message}, status=status)
    return render(request, template, {"code": code, "message": message, **context}, status=status)


class _Body:
    """The bytes of a range. Closing it, which the server does at the end in any case, releases the slot."""

    def __init__(self, archive: Archive, byte_range: range, slot: Slot) -> None:
        self._blocks, self._slot = archive.read(byte_range), slot

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        self._blocks.close()
        self._slot.release()
