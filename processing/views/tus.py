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
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from albums.models import Album
from albums.views.access import AlbumInTrash, album_or_404
from processing.models import Batch, Upload
from processing.models.states import UploadState
from processing.uploads import batches, body_timeouts, daily_limit, problems, rejections
from processing.uploads import lifecycle as uploads
from processing.uploads.batches import AlbumBusy
from processing.uploads.problems import Refusal, Refused
from processing.uploads.tus import protocol
from processing.uploads.tus import session as tus_session
from processing.uploads.tus.chunk import short_of
from processing.uploads.tus.protocol import Creation, Part
from processing.views import request_body, upload_slots

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

SIGN_IN = Refusal(HTTPStatus.UNAUTHORIZED, "sign-in", "Sign in first.")
NOT_FOUND = Refusal(HTTPStatus.NOT_FOUND, "not-found", "Upload not found.")
FORGED = Refusal(HTTPStatus.FORBIDDEN, "csrf", "Send the CSRF token in the X-CSRFToken header.")
NOT_ALLOWED = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method", "Method not allowed.")
BUSY = Refusal(
    HTTPStatus.CONFLICT, "album-busy", "Another upload to this album is in progress. Try again when it finishes."
)
IN_TRASH = Refusal(HTTPStatus.GONE, AlbumInTrash.code, AlbumInTrash.message)
FULL_BATCH = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, rejections.TOO_MANY.code, "This batch has the maximum number of files."
)


def speaks_tus(view: View[P]) -> Callable[..., HttpResponseBase]:
    """Decorates a tus endpoint: method override, checks of version, sign-in and CSRF, errors as JSON, and common headers."""

    @wraps(view)
    def endpoint(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
        try:
            if request.method != "OPTIONS":
                protocol.check_version(request.headers)
                _check_sender(request)
            response = view(request, *args, **kwargs)
        except Refused as refused:
            response = _refusal(request, refused.refusal, refused.offset)
        except AlbumInTrash:
            response = _refusal(request, IN_TRASH)
        except (Http404, Album.DoesNotExist):
            response = _refusal(request, NOT_FOUND)
        request_body.close_after(request)  # a body that the view did not read stays unread
        response["Tus-Resumable"] = protocol.VERSION
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(login_not_required(endpoint))


@speaks_tus
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """OPTIONS: the supported extensions. POST: a new upload in the album, with its first bytes if there is a body."""
    if request.method == "OPTIONS":
        return _options()
    if request.method != "POST":
        raise Refused(NOT_ALLOWED)
    album = album_or_404(request, pk)
    assert isinstance(request.user, User)
    has_body = request_body.length(request) != 0
    if has_body:
        protocol.check_type(request.headers)
    first_part = Part(0, None, protocol.checksum(request.headers))
    with upload_slots.place(request.user.pk) if has_body else nullcontext():
        upload = expected(request.user, album, Batch.Source.TUS, protocol.creation(request.headers))
        offset = _receive_first(request, upload, first_part) if has_body else 0
    response = HttpResponse(status=HTTPStatus.CREATED)
    # Absolute, since aiotus requires it.
    response["Location"] = request.build_absolute_uri(reverse("processing:upload", args=[upload.pk]))
    response["Upload-Offset"] = str(offset)
    return _with_expiry(response, upload)


def _receive_first(request: HttpRequest, upload: Upload, part: Part) -> int:
    """Returns the offset after the first bytes. Cancels the upload if they are refused, since the client has no URL to resume at.

    An interrupted body does not cancel the upload.
    """
    try:
        return _receive(request, upload, part)
    except Refused as refused:
        if refused.refusal not in problems.CUT_SHORT:
            uploads.cancel(upload, refused.refusal.code, refused.refusal.message)
        raise


@speaks_tus
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
            tus_session.end(_own_upload_or_404(request, pk))
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        case _:
            raise Refused(NOT_ALLOWED)


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
        raise Refused(IN_TRASH)
    assert isinstance(request.user, User)
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    with upload_slots.place(request.user.pk):
        response["Upload-Offset"] = str(_receive(request, upload, part))
    return _with_expiry(response, upload)


def expected(user: User, album: Album, source: Batch.Source, creation: Creation) -> Upload:
    """Creates an upload in the user's running batch or in a new one. An empty file is refused at once. Raises Refused."""
    if creation.length is not None and creation.length > settings.MAX_FILE_BYTES:
        raise Refused(problems.TOO_LARGE)
    if shortage := daily_limit.of(user.pk):
        raise short_of(shortage)
    tus_session.ensure_room(creation.length or 0, user=user.pk, begins=creation.length or 0)
    try:
        upload = batches.join_or_open(album, user, source, creation.name, creation.length, creation.metadata)
    except AlbumBusy:
        raise Refused(BUSY) from None
    except Album.DoesNotExist:
        if Album.objects.trashed().filter(pk=album.pk).exists():
            raise Refused(IN_TRASH) from None
        raise
    count, rows = uploads.count(upload.batch_id)
    if count > 2 * settings.MAX_BATCH_FILES or rows > uploads.MOST_ROWS:  # the refusals listed so far are enough
        upload.delete()
        raise Refused(FULL_BATCH)
    if count > settings.MAX_BATCH_FILES:
        uploads.refuse(upload, rejections.TOO_MANY.filled(limit=settings.MAX_BATCH_FILES))
        raise Refused(FULL_BATCH)
    if creation.length == 0:
        uploads.refuse(upload, rejections.EMPTY)
    return upload


def _receive(request: HttpRequest, upload: Upload, part: Part) -> int:
    with request_body.impatient(request, body_timeouts.of_upload()):
        try:
            body = request_body.body(request)
        except request_body.EndUnknown:
            raise Refused(problems.LENGTH_REQUIRED) from None
        return tus_session.receive(upload, part, body, request_body.length(request))


def _check_sender(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        raise Refused(SIGN_IN)
    request.POST = QueryDict()  # otherwise the CSRF check reads the whole body to find its token
    response = csrf_protect(lambda _: HttpResponse())(request)
    if response.status_code == HTTPStatus.FORBIDDEN:
        raise Refused(FORGED)


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


def _refusal(request: HttpRequest, refusal: Refusal, offset: int | None = None) -> HttpResponse:
    let_go(request, refusal)
    response = JsonResponse({"error": refusal.code, "message": refusal.message}, status=refusal.status)
    if offset is not None:
        response["Upload-Offset"] = str(offset)
    if refusal is protocol.WRONG_VERSION:
        response["Tus-Version"] = protocol.VERSION
    if refusal is BUSY:
        response["Retry-After"] = "5"
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR or refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = str(upload_slots.RETRY_AFTER_SECONDS if refusal in upload_slots.REFUSALS else 30)
    return response


def let_go(request: HttpRequest, refusal: Refusal) -> None:
    """Drains or abandons the rest of a refused body. It is not drained if no slot was free: that would occupy a thread."""
    if refusal in problems.CUT_SHORT:
        request_body.hang_up(request)
    elif refusal in upload_slots.REFUSALS:
        request_body.close_after(request)
    else:
        request_body.drain(request)
