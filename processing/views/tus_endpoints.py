"""The endpoints of tus 1.0.0: resumable uploads for the page and for any tus client.

Every response has a Tus-Resumable header, errors included, and none is a redirect. So sign-in, CSRF and 404 are handled here.
"""

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from albums.access import AlbumInTrash, album_or_404
from albums.models import Album
from processing.lib import csrf
from processing.models import Batch, Upload
from processing.models.states import UploadState
from processing.uploads import lifecycle, problems
from processing.uploads.body import body_timeouts, request_body, upload_slots
from processing.uploads.creation import create_upload
from processing.uploads.problems import HttpProblem, Problem
from processing.uploads.tus import protocol
from processing.uploads.tus import session as tus_session
from processing.uploads.tus.protocol import PartHeaders
from processing.views.problem_responses import Cause, busy, problem_response

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def tus_endpoint(view: View[P]) -> Callable[..., HttpResponseBase]:
    """Decorates a tus endpoint: method override, checks of version, sign-in and CSRF, errors as JSON, and common headers."""

    @wraps(view)
    def endpoint(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
        try:
            if request.method != "OPTIONS":
                protocol.check_version(request.headers)
                _check_sender(request)
            response = view(request, *args, **kwargs)
        except HttpProblem as error:
            response = _problem_response(request, error.problem, error.offset)
        except AlbumInTrash:
            response = _problem_response(request, problems.ALBUM_IN_TRASH)
        except (Http404, Album.DoesNotExist):
            response = _problem_response(request, problems.NO_SUCH_UPLOAD)
        request_body.close_after_response(request)  # a body that the view did not read stays unread
        response["Tus-Resumable"] = protocol.VERSION
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(login_not_required(endpoint))


@tus_endpoint
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """OPTIONS: the supported extensions. POST: a new upload in the album, with its first bytes if there is a body."""
    if request.method == "OPTIONS":
        return _options()
    if request.method != "POST":
        raise HttpProblem(problems.METHOD_NOT_ALLOWED)
    album = album_or_404(request, pk)
    assert isinstance(request.user, User)
    has_body = request_body.length(request) != 0
    if has_body:
        protocol.check_type(request.headers)
    first_part = PartHeaders(0, None, protocol.checksum(request.headers))
    with upload_slots.acquire(request.user.pk) if has_body else nullcontext():
        upload = create_upload(request.user, album, Batch.Source.TUS, protocol.creation(request.headers))
        offset = _receive_first(request, upload, first_part) if has_body else 0
    response = HttpResponse(status=HTTPStatus.CREATED)
    # Absolute, since aiotus requires it.
    response["Location"] = request.build_absolute_uri(reverse("processing:upload", args=[upload.pk]))
    response["Upload-Offset"] = str(offset)
    return _with_expiry(response, upload)


def _receive_first(request: HttpRequest, upload: Upload, part: PartHeaders) -> int:
    """Returns the offset after the first bytes. Cancels a rejected upload, since the client has no URL to resume at.

    An interrupted body does not cancel the upload.
    """
    try:
        return _receive(request, upload, part)
    except HttpProblem as error:
        if error.problem not in problems.CUT_SHORT:
            lifecycle.cancel(upload, error.problem.code, error.problem.message)
        raise


@tus_endpoint
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """HEAD: the offset. PATCH: appends from the offset. DELETE: cancels the upload."""
    match request.method:
        case "OPTIONS":
            return _options()
        case "HEAD":
            return _head(request, pk)
        case "PATCH":
            return _patch(request, pk)
        case "DELETE":
            tus_session.terminate(_own_upload_or_404(request, pk))
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        case _:
            raise HttpProblem(problems.METHOD_NOT_ALLOWED)


def _head(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    upload = _own_upload_or_404(request, pk)
    response = HttpResponse(status=HTTPStatus.OK)
    response["Upload-Offset"] = str(tus_session.offset(upload))
    if upload.size is None:
        response["Upload-Defer-Length"] = "1"
    else:
        response["Upload-Length"] = str(upload.size)
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
    return _with_expiry(response, upload)


def _patch(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    part = protocol.part(request.headers)
    upload = _own_upload_or_404(request, pk)
    if upload.album.trashed_at:
        raise HttpProblem(problems.ALBUM_IN_TRASH)
    assert isinstance(request.user, User)
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    with upload_slots.acquire(request.user.pk):
        response["Upload-Offset"] = str(_receive(request, upload, part))
    return _with_expiry(response, upload)


def _receive(request: HttpRequest, upload: Upload, part: PartHeaders) -> int:
    with request_body.idle_timeout(request, body_timeouts.for_upload()):
        try:
            body = request_body.open_reader(request)
        except request_body.LengthUnknown:
            raise HttpProblem(problems.LENGTH_REQUIRED) from None
        return tus_session.receive(upload, part, body, request_body.length(request))


def _check_sender(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        raise HttpProblem(problems.SIGN_IN)
    if csrf.failure(request):
        raise HttpProblem(problems.CSRF_FAILED)


def _own_upload_or_404(request: HttpRequest, pk: uuid.UUID) -> Upload:
    """Returns the upload if the user sent it. Raises Http404 for all others, even if they may see the album."""
    return get_object_or_404(Upload.objects.select_related("album", "batch"), pk=pk, batch__opened_by=request.user.pk)


def _options() -> HttpResponse:
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    response["Tus-Version"] = protocol.VERSION
    response["Tus-Extension"] = protocol.EXTENSIONS
    response["Tus-Checksum-Algorithm"] = ",".join(protocol.ALGORITHMS)
    response["Tus-Max-Size"] = str(settings.MAX_FILE_BYTES)
    return response


def _with_expiry(response: HttpResponse, upload: Upload) -> HttpResponse:
    if upload.state == UploadState.RECEIVING:
        response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return response


def _problem_response(request: HttpRequest, problem: Problem, offset: int | None = None) -> HttpResponse:
    response = problem_response(request, problem)
    if offset is not None:
        response["Upload-Offset"] = str(offset)
    if problem is protocol.WRONG_VERSION:
        response["Tus-Version"] = protocol.VERSION
    cause = _retry_cause(problem)
    return busy(response, cause) if cause else response


def _retry_cause(problem: Problem) -> Cause | None:
    """Returns why the client should try again later, None if it should not."""
    if problem is problems.ALBUM_BUSY:
        return "album-busy"
    if problem in upload_slots.PROBLEMS:
        return "no-slot"
    is_temporary = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.status == HTTPStatus.TOO_MANY_REQUESTS
    return "shortage" if is_temporary else None
