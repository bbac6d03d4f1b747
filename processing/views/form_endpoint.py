"""The plain upload form: many files in one multipart POST."""

import uuid
from contextlib import closing
from http import HTTPStatus

from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from albums.access import AlbumInTrash, album_or_404
from albums.models import Album
from albums.problem_json import problem
from processing.capacity import admission, daily_limit
from processing.capacity.admission import CapacityProblem
from processing.models import Batch
from processing.queries import upload_panel as panel_query
from processing.uploads import batches
from processing.uploads.batches import AlbumBusy, AlreadySent
from processing.uploads.body import body_timeouts, request_body, upload_slots
from processing.uploads.form import CsrfFailed, FormUploadHandler, TooManyParts
from processing.uploads.problems import HttpProblem
from processing.views.access import is_htmx
from processing.views.panel import action_response, panel_response
from processing.views.problem_responses import album_busy, album_in_trash, busy

BUSY = "Another upload to this album is in progress. Wait for it or cancel it, then upload again."
NO_FILES = "Select at least one photo to upload."
LENGTH_REQUIRED = "This web server needs a Content-Length. Nothing was stored; upload again with one."
CUT_OFF = "The connection broke. Uploaded files are listed; upload the others again."
TOO_SLOW = "The upload was too slow and was stopped. Uploaded files are listed; upload the others again, fewer at once."
TOO_MANY_PARTS = "The form has too many files. Uploaded files are listed; upload the others again, fewer at once."
FIELDS_TOO_LARGE = (
    "The form has too much other data. Uploaded files are listed; reload the page and upload the others again."
)
CSRF_FAILED = (
    "Nothing was stored: the CSRF token is missing or wrong. Reload the page, then upload again. "
    "Programs send the CSRF token in the header X-CSRFToken, or as the field csrfmiddlewaretoken before the first file."
)


@csrf_exempt  # checked before any file is stored: see FormUploadHandler.check_sender
@require_POST
def receive(request: HttpRequest, pk: int) -> HttpResponse:
    """Receives the files of the form. Returns 409 with the running batch if the album is locked, 507 or 503 on a shortage.

    All checks that do not need the body run before it is read and before it occupies an upload slot.
    """
    try:
        album = album_or_404(request, pk)
    except AlbumInTrash:
        return album_in_trash(request, pk, as_page=request.accepts("text/html"))
    except Http404:
        request_body.drain(request)
        raise
    assert isinstance(request.user, User)
    intake = FormUploadHandler(request, album, request.user, _token(request))
    with closing(intake):
        return _receive_files(request, album, intake)


def _receive_files(request: HttpRequest, album: Album, intake: FormUploadHandler) -> HttpResponse:
    try:
        intake.check_sender()
        batches.ensure_open(album, intake.token)
        if shortage := daily_limit.shortage(intake.user.pk) or admission.for_new_file(
            intake.length or 0, None, intake.user.pk
        ):
            request_body.drain(request)
            return _shortage_problem(request, album, shortage)
        with upload_slots.acquire(intake.user.pk), request_body.idle_timeout(request, body_timeouts.for_upload()):
            intake.receive()
        return _finish(request, album, intake)
    except AlbumBusy as error:
        return _busy_problem(request, album, error.batch)
    except CsrfFailed as error:
        request_body.drain(request)
        if request.accepts("text/html"):
            return error.response
        return _problem(request, album, HTTPStatus.FORBIDDEN, "csrf", CSRF_FAILED)
    except HttpProblem as error:
        request_body.close_after_response(request)
        problem = error.problem
        return busy(_problem(request, album, problem.status, problem.code, problem.message), "no-slot")
    except AlreadySent:
        request_body.drain(request)
        return action_response(request, album)
    except request_body.LengthUnknown:
        request_body.close_read(request)
        return _problem(request, album, HTTPStatus.LENGTH_REQUIRED, "length-required", LENGTH_REQUIRED)
    except TooManyParts:
        return _cut_off(request, album, intake, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-many-parts", TOO_MANY_PARTS)
    except (TooManyFieldsSent, RequestDataTooBig):
        return _cut_off(
            request, album, intake, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "fields-too-large", FIELDS_TOO_LARGE
        )
    except (UnreadablePostError, MultiPartParserError):
        code, message = ("too-slow", TOO_SLOW) if intake.was_too_slow else ("cut-off", CUT_OFF)
        return _cut_off(request, album, intake, HTTPStatus.BAD_REQUEST, code, message)
    except Album.DoesNotExist:  # it was deleted during the request
        return album_in_trash(request, album.pk, as_page=request.accepts("text/html"))
    except Exception:
        intake.finish_early()
        request_body.close_after_response(request)
        raise


def _finish(request: HttpRequest, album: Album, intake: FormUploadHandler) -> HttpResponse:
    if intake.batch is None:
        request_body.drain(request)  # a body that is no multipart form has not been read
        return _problem(request, album, 422, "no-files", NO_FILES)
    if not intake.finish_files() and intake.has_no_room:
        return _shortage_problem(request, album, admission.DISK)
    return action_response(request, album)


def _cut_off(
    request: HttpRequest, album: Album, intake: FormUploadHandler, status: int, code: str, message: str
) -> HttpResponse:
    """Keeps the files that arrived whole. The CSRF check has run before the first of them."""
    intake.finish_early()
    request_body.close_read(request) if status == HTTPStatus.BAD_REQUEST else request_body.close_after_response(request)
    return _problem(request, album, status, code, message)


def _busy_problem(request: HttpRequest, album: Album, batch: Batch) -> HttpResponse:
    request_body.drain(request)
    if not request.accepts("text/html"):
        return album_busy(request, batch)
    return busy(_problem(request, album, 409, "album-busy", BUSY), "album-busy")


def _shortage_problem(request: HttpRequest, album: Album, shortage: CapacityProblem) -> HttpResponse:
    return busy(_problem(request, album, shortage.status, shortage.code, shortage.upload_message), "shortage")


def _problem(request: HttpRequest, album: Album, status: int, code: str, message: str) -> HttpResponse:
    if request.accepts("text/html"):
        if is_htmx(request):
            return panel_response(request, album, status=status, error=message)
        panel = panel_query.build(album, error=message)
        return render(request, "upload/problem.html", {"panel": panel, "album": album}, status=status)
    return problem(status, code, message)


def _token(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("form", ""))
    except ValueError:
        return None
