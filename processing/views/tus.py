"""tus 1.0.0: resumable uploads for the page and for any client that speaks it.

Every answer carries Tus-Resumable, errors included, and none is a redirect: so signing in, CSRF and 404 are answered here.
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
NOT_FOUND = Refusal(HTTPStatus.NOT_FOUND, "not-found", "There is no such upload.")
FORGED = Refusal(HTTPStatus.FORBIDDEN, "csrf", "Send the CSRF token in the X-CSRFToken header.")
NOT_ALLOWED = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method", "That cannot be done here.")
BUSY = Refusal(HTTPStatus.CONFLICT, "album-busy", "This album is busy with another batch. Try again when it is done.")
IN_TRASH = Refusal(HTTPStatus.GONE, AlbumInTrash.code, AlbumInTrash.message)
FULL_BATCH = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, rejections.TOO_MANY.code, "This batch has as many files as are taken at once."
)


def speaks_tus(view: View[P]) -> Callable[..., HttpResponseBase]:
    """The frame of every tus endpoint: version, method override, sign-in, CSRF, errors as JSON, and the headers on them all."""

    @wraps(view)
    def framed(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
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
        request_body.close_after(request)  # a body that nobody asked for is not read
        response["Tus-Resumable"] = protocol.VERSION
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(login_not_required(framed))


@speaks_tus
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """OPTIONS: what can be done here. POST: a new upload in the album, with its first bytes if the body holds some."""
    if request.method == "OPTIONS":
        return _abilities()
    if request.method != "POST":
        raise Refused(NOT_ALLOWED)
    album = album_or_404(request, pk)
    assert isinstance(request.user, User)
    has_body = request_body.length(request) != 0
    if has_body:
        protocol.check_type(request.headers)
    first = Part(0, None, protocol.checksum(request.headers))
    with upload_slots.place(request.user.pk) if has_body else nullcontext():
        upload = expected(request.user, album, Batch.Source.TUS, protocol.creation(request.headers))
        reached = _first_bytes(request, upload, first) if has_body else 0
    response = HttpResponse(status=HTTPStatus.CREATED)
    response["Location"] = request.build_absolute_uri(
        reverse("processing:upload", args=[upload.pk])
    )  # aiotus wants it absolute
    response["Upload-Offset"] = str(reached)
    return _with_expiry(response, upload)


def _first_bytes(request: HttpRequest, upload: Upload, first: Part) -> int:
    """What breaks off in them does not undo the upload. What is refused does: its sender was told no address to go on at."""
    try:
        return _receive(request, upload, first)
    except Refused as refused:
        if refused.refusal not in problems.CUT_SHORT:
            uploads.cancel(upload, refused.refusal.code, refused.refusal.message)
        raise


@speaks_tus
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """HEAD: the offset. PATCH: go on from it. DELETE: take the upload back."""
    match request.method:
        case "OPTIONS":
            return _abilities()
        case "HEAD":
            return _stand(request, pk)
        case "PATCH":
            return _go_on(request, pk)
        case "DELETE":
            tus_session.end(_own(request, pk))
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        case _:
            raise Refused(NOT_ALLOWED)


def _stand(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    mine = _own(request, pk)
    response = HttpResponse(status=HTTPStatus.OK)
    response["Upload-Offset"] = str(tus_session.offset(mine))
    if mine.size is None:
        response["Upload-Defer-Length"] = "1"
    else:
        response["Upload-Length"] = str(mine.size)
    if mine.metadata:
        response["Upload-Metadata"] = mine.metadata
    return _with_expiry(response, mine)


def _go_on(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    part = protocol.part(request.headers)
    mine = _own(request, pk)
    if mine.album.trashed_at:
        raise Refused(IN_TRASH)
    assert isinstance(request.user, User)
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    with upload_slots.place(request.user.pk):
        response["Upload-Offset"] = str(_receive(request, mine, part))
    return _with_expiry(response, mine)


def expected(user: User, album: Album, source: Batch.Source, asked: Creation) -> Upload:
    """A new upload in the sender's running batch, or in one that it opens; refused at once if it is empty. Raises Refused."""
    if asked.length is not None and asked.length > settings.MAX_FILE_BYTES:
        raise Refused(problems.TOO_LARGE)
    if spent := daily_limit.of(user.pk):
        raise short_of(spent)
    tus_session.ensure_room(asked.length or 0, user=user.pk, begins=asked.length or 0)
    try:
        upload = batches.join_or_open(album, user, source, asked.name, asked.length, asked.metadata)
    except AlbumBusy:
        raise Refused(BUSY) from None
    except Album.DoesNotExist:
        if Album.objects.trashed().filter(pk=album.pk).exists():
            raise Refused(IN_TRASH) from None
        raise
    count, rows = uploads.count(upload.batch_id)
    if count > 2 * settings.MAX_BATCH_FILES or rows > uploads.MOST_ROWS:  # enough of them are told of
        upload.delete()
        raise Refused(FULL_BATCH)
    if count > settings.MAX_BATCH_FILES:
        uploads.refuse(upload, rejections.TOO_MANY.filled(limit=settings.MAX_BATCH_FILES))
        raise Refused(FULL_BATCH)
    if asked.length == 0:
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
    request.POST = QueryDict()  # else the check looks for its token in the body, and reads that to its end
    answer = csrf_protect(lambda _: HttpResponse())(request)
    if answer.status_code == HTTPStatus.FORBIDDEN:
        raise Refused(FORGED)


def _own(request: HttpRequest, pk: uuid.UUID) -> Upload:
    """An upload belongs to who sends it, even in an album that others may see."""
    return get_object_or_404(Upload.objects.select_related("album", "batch"), pk=pk, batch__opened_by=request.user.pk)


def _abilities() -> HttpResponse:
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
    """See to what is left of a refused request's body. To drain what a crowd sends would take the threads that were spared."""
    if refusal in problems.CUT_SHORT:
        request_body.hang_up(request)
    elif refusal in upload_slots.REFUSALS:
        request_body.close_after(request)
    else:
        request_body.drain(request)
