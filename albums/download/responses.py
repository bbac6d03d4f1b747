"""The response to a download: all of the archive, or one range of it."""

from collections.abc import Iterator
from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from albums import ranges
from albums.attachments import attachment
from albums.delivery import RUNS_NOTHING
from albums.download.archive import Archive
from albums.download.slots import Slot

CONTENT_TYPE = "application/zip"
REVALIDATED = "private, no-cache, no-transform"
"""The same URL returns another archive when the album changes. Proxies may not compress it, which would prevent ranges."""


def send(request: HttpRequest, archive: Archive, slot: Slot) -> HttpResponseBase:
    """Returns 200, 206, 304, 412 or 416. A response with a body keeps the slot until it is sent. Raises FileMissing."""

    def open_range(byte_range: range) -> StreamingHttpResponse:
        archive.ensure_stored(byte_range)
        slot.keep()
        return StreamingHttpResponse(_Body(archive, byte_range, slot), content_type=CONTENT_TYPE)

    response = ranges.respond_computed(request, archive.size, archive.etag, CONTENT_TYPE, open_range)
    if response.status_code in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        response["Content-Disposition"] = attachment(archive.name)
    response["Cache-Control"] = REVALIDATED
    response["Content-Security-Policy"] = RUNS_NOTHING
    response["X-Accel-Buffering"] = "no"  # nginx would first write up to a gigabyte to its disk
    return response


class _Body:
    """The bytes of a range. Closing it, which the server does at the end in any case, releases the slot."""

    def __init__(self, archive: Archive, byte_range: range, slot: Slot) -> None:
        self._blocks, self._slot = archive.read(byte_range), slot

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        self._blocks.close()
        self._slot.release()
