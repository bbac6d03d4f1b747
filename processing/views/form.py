"""The plain upload form: many files in one multipart POST."""

import uuid
from contextlib import closing
from http import HTTPStatus

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from albums.models import Album
from albums.views.access import AlbumInTrash, album_or_404
from processing import batches, panels, pressure
from processing.batches import AlbumBusy, SentBefore
from processing.intake.form import FormIntake
from processing.intake.protocol import Refusal, Refused
from processing.models import Batch
from processing.pressure import Shortage
from processing.views import crowd, draining, line
from processing.views.panel import answer, partial

BUSY = "This album is busy with another batch. Wait until it is done, or cancel the rest of it; then send your photos again."
NOTHING = "No photos were chosen. Choose some, then send them."
UNMEASURED = (
    "The photos were sent without saying how many bytes they are, which this web server cannot take. None was stored. "
    "Send them again with a Content-Length."
)
CUT_OFF = "The connection broke before all photos had arrived. Those that did arrive are listed; send the others again."
RETRY_AFTER_SECONDS = 30


@csrf_exempt  # the upload handler must be in place before the body is read; _receive, inside, is protected
@require_POST
def receive(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in the files of the form. 409 with the running batch when the album is locked, 507 or 503 when there is a shortage.

    All that can be known before the body is checked before it is read.
    """
    try:
        album = album_or_404(request, pk)
    except AlbumInTrash:
        return _gone(request, pk)
    assert isinstance(request.user, User)
    token, length = _token(request), line.length(request)
    if length is None:  # Django's parser takes that for an empty body; the intake reads to the end that the chunks tell
        request.META["CONTENT_LENGTH"] = "1"
    intake = FormIntake(request, lambda: line.body(request), album, request.user, token, length)
    request.upload_handlers = [intake]
    with closing(intake):
        return _answer(request, album, intake, length or 0)


def _answer(request: HttpRequest, album: Album, intake: FormIntake, length: int) -> HttpResponse:
    try:
        batches.ensure_open(album, intake.token)
        with crowd.place(), line.impatient(request):
            return _checked(request, album, intake, length)
    except AlbumBusy as busy:
        return _busy(request, album, busy.batch)
    except Refused as refused:
        line.hang_up(request)
        return _crowded(request, album, refused.refusal)
    except SentBefore:
        draining.drain(request)
        return answer(request, album)
    except line.EndUnknown:
        line.hang_up(request)
        return _problem(request, album, HTTPStatus.LENGTH_REQUIRED, "length-required", UNMEASURED)
    except (UnreadablePostError, MultiPartParserError):
        return _cut_off(request, album, intake)
    except Album.DoesNotExist:  # it was deleted just now
        return _gone(request, album.pk)
    except Exception:
        _end(request, intake)
        raise


def _checked(request: HttpRequest, album: Album, intake: FormIntake, length: int) -> HttpResponse:
    if shortage := pressure.of_new(length):
        draining.drain(request)
        return _short(request, album, shortage)
    response: HttpResponse = csrf_protect(_receive)(request, album, intake)
    if intake.broke:  # the CSRF check swallows the error when it is the one who reads the body
        return _cut_off(request, album, intake)
    if intake.batch and response.status_code == HTTPStatus.FORBIDDEN:
        intake.reject()
    return response


def _receive(request: HttpRequest, album: Album, intake: FormIntake) -> HttpResponse:
    _ = request.FILES  # parses the body, unless the CSRF check did
    if intake.batch is None:
        draining.drain(request)  # a body of another kind is still there
        return _problem(request, album, 422, "no-files", NOTHING)
    if not intake.hand_over() and intake.has_no_room:
        return _short(request, album, pressure.DISK)
    return answer(request, album)


def _cut_off(request: HttpRequest, album: Album, intake: FormIntake) -> HttpResponse:
    _end(request, intake)
    line.hang_up(request)
    return _problem(request, album, 400, "cut-off", CUT_OFF)


def _end(request: HttpRequest, intake: FormIntake) -> None:
    # An Origin header was checked before the first byte was read, so these files are their sender's own will.
    intake.cut_off(keep_whole="Origin" in request.headers)


def _gone(request: HttpRequest, pk: int) -> HttpResponse:
    """The page that offers to restore the album, or JSON for a client that asks for it. Raises Http404."""
    draining.drain(request)
    try:
        album_or_404(request, pk)
    except AlbumInTrash as in_trash:
        if request.accepts("text/html"):
            raise
        return JsonResponse({"error": in_trash.code, "message": in_trash.message}, status=HTTPStatus.GONE)
    raise Http404


def _busy(request: HttpRequest, album: Album, batch: Batch) -> HttpResponse:
    draining.drain(request)
    return _problem(request, album, 409, "album-busy", BUSY, batch={"id": batch.pk, "opened_at": batch.opened_at})


def _crowded(request: HttpRequest, album: Album, refusal: Refusal) -> HttpResponse:
    response = _problem(request, album, refusal.status, refusal.code, refusal.message)
    response["Retry-After"] = str(crowd.RETRY_AFTER_SECONDS)
    return response


def _short(request: HttpRequest, album: Album, shortage: Shortage) -> HttpResponse:
    response = _problem(request, album, shortage.status, shortage.code, shortage.intake)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _problem(request: HttpRequest, album: Album, status: int, code: str, message: str, **more: object) -> HttpResponse:
    if request.accepts("text/html"):
        if request.htmx:  # type: ignore[attr-defined]
            return partial(request, album, status=status, error=message)
        panel = panels.of(album, error=message)
        return render(request, "upload/problem.html", {"panel": panel, "album": album}, status=status)
    return JsonResponse({"error": code, "message": message, **more}, status=status)


def _token(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("form", ""))
    except ValueError:
        return None
