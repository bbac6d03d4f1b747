"""JSON responses for problems, and the table of Retry-After values."""

from http import HTTPStatus
from typing import Any, Literal, TypeVar

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from albums.access import AlbumInTrash, album_or_404
from albums.problem_json import problem
from processing.models import Batch
from processing.queries import album_progress
from processing.uploads import problems
from processing.uploads.body import request_body, upload_slots
from processing.uploads.problems import Problem

ALBUM_BUSY = "Another upload to this album is in progress. Upload again when it finishes."
Response = TypeVar("Response", bound=HttpResponse)
Cause = Literal["read-back", "album-busy", "no-slot", "bucket", "server", "shortage"]

RETRY_AFTER_SECONDS: dict[Cause, int] = {
    "read-back": 2,  # a worker reads a file back from the bucket
    "album-busy": 5,
    "no-slot": 5,  # as many bodies as possible are being received
    "bucket": 5,  # a step of a direct upload failed
    "server": 10,  # the database is locked, the disk is full, or the bucket fails
    "shortage": 30,  # of disk, memory, storage or the user's share
}


def album_busy(request: HttpRequest, batch: Batch) -> JsonResponse:
    """Returns 409 with the running batch, its progress, and the estimated seconds until it ends, null if unknown."""
    progress = album_progress.build(batch.album)
    counts = {"total": progress.total, "uploaded": progress.uploaded, "processed": progress.processed}
    details = {**batch_json(request, batch), **counts, "seconds_left": progress.seconds_left}
    return busy(problem(HTTPStatus.CONFLICT, "album-busy", ALBUM_BUSY, batch=details), "album-busy")


def batch_json(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.pk,
        "url": reverse("processing:batch", args=[batch.pk]),
        "opened_at": batch.opened_at,
        "mine": batch.opened_by_id == request.user.pk,
    }


def busy(response: Response, cause: Cause) -> Response:
    """Adds the seconds after which the client should send the same request again."""
    response["Retry-After"] = str(RETRY_AFTER_SECONDS[cause])
    return response


def problem_response(request: HttpRequest, reason: Problem) -> JsonResponse:
    """Returns the problem as JSON, after draining or abandoning the rest of the body.

    The body is not drained if no upload slot was free: that would occupy a thread.
    """
    if reason in problems.CUT_SHORT:
        request_body.close_read(request)
    elif reason in upload_slots.PROBLEMS:
        request_body.close_after_response(request)
    else:
        request_body.drain(request)
    return problem(reason.status, reason.code, reason.message)


def album_in_trash(request: HttpRequest, pk: int, *, as_page: bool = False) -> JsonResponse:
    """Returns 410 for an album that was moved to the trash during the request. Raises Http404 if it was deleted.

    With `as_page`, raises AlbumInTrash, which results in a page.
    """
    request_body.drain(request)
    try:
        album_or_404(request, pk)
    except AlbumInTrash as in_trash:
        if as_page:
            raise
        return problem(HTTPStatus.GONE, in_trash.code, in_trash.message)
    raise Http404
