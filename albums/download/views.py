"""Requests: what to download of an album or a selection, waiting until that is ready, and the ZIP file."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_POST, require_safe

from albums.download import archive, edits, readiness, responses, sources
from albums.download.archive import FileMissing
from albums.download.contents import ChecksumMissing
from albums.download.forms import DownloadForm
from albums.download.readiness import FilesDamaged, NotReady
from albums.download.scope import Scope, Size, Total
from albums.download.slots import AllSlotsTaken
from albums.download.sources import Source
from albums.operations.responses import reject
from albums.selection import Selection, SelectionError, saved

RETRY_SECONDS = 3
"""The Retry-After of a download that is being prepared: as often as the page asks."""
BUSY_SECONDS = 30

BUSY = "The server is sending as many downloads as it can. Try again in a moment."
INVALID = "Choose what to download: size=original or size=2560."
EMPTY = "There are no photos to download."
MISSING = "A file is missing in storage. Ask your administrator to run manage.py verify."


@require_safe
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of an album. With `wait`, the page of a download that is being prepared, which asks for itself again."""
    return _choose(request, sources.album(request, pk))


@require_safe
def album_zip(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The ZIP file. 503 while it is being prepared or the server is busy, and 409 if files are damaged or missing."""
    return _zip(request, sources.album(request, pk))


@require_POST
def download_selection(request: HttpRequest) -> HttpResponse:
    """Saves the selection in the form's fields and redirects to its download."""
    assert isinstance(request.user, User)
    try:
        digest = saved.save(request.user, Selection.parse(request.POST))
    except SelectionError as error:
        return reject(request, error)
    return redirect("albums:selection-download-options", digest)


@require_safe
def choose_selection(request: HttpRequest, digest: str) -> HttpResponse:
    """As `choose`, for a saved selection."""
    return _choose(request, sources.selection(request, digest))


@require_safe
def selection_zip(request: HttpRequest, digest: str) -> HttpResponseBase:
    """As `album_zip`, for a saved selection."""
    return _zip(request, sources.selection(request, digest))


def _choose(request: HttpRequest, source: Source) -> HttpResponse:
    form = DownloadForm(request.GET)
    if "wait" in request.GET and form.is_valid():
        return render(request, "download/wait.html", _state(request, source, form.scope(source.photos)))
    context = {
        "source": source,
        "originals": Scope(source.photos, with_companions=False).total(),
        "large": Scope(source.photos, Size.LARGE, with_companions=False).total(),
        "companions": Scope(source.photos).companions().total(),
        "has_edits": edits.has_edits(source.photos),
    }
    return render(request, "download/choose.html", context)


def _zip(request: HttpRequest, source: Source) -> HttpResponseBase:
    form = DownloadForm(request.GET)
    if not form.is_valid():
        return _message(request, source, HTTPStatus.BAD_REQUEST, "invalid-download", INVALID)
    scope = form.scope(source.photos)
    try:
        readiness.prepare(scope)
        new_archive = archive.archive(scope, source.title, edits.sidecars if form.with_edits else None)
        if not len(new_archive.layout):
            return _message(request, source, HTTPStatus.CONFLICT, "no-photos", EMPTY)
        return responses.send(request, new_archive)
    except (NotReady, ChecksumMissing):
        return _not_ready(request, source, scope)
    except FilesDamaged as damaged:
        context = {"source": source, "damaged": damaged, "query": _query(request)}
        message = f"{damaged.count} file{pluralize(damaged.count)} can't be downloaded: damaged or missing in storage."
        return responses.refuse(
            request, "download/damaged.html", HTTPStatus.CONFLICT, "files-damaged", message, **context
        )
    except FileMissing:
        return _message(request, source, HTTPStatus.CONFLICT, "file-missing", MISSING)
    except AllSlotsTaken:
        response = _message(request, source, HTTPStatus.SERVICE_UNAVAILABLE, "downloads-busy", BUSY)
        response["Retry-After"] = str(BUSY_SECONDS)
        return response


def _not_ready(request: HttpRequest, source: Source, scope: Scope) -> HttpResponse:
    message = "This download is being prepared. Try again in a moment."
    response = responses.refuse(
        request,
        "download/wait.html",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "download-preparing",
        message,
        **_state(request, source, scope),
    )
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _message(request: HttpRequest, source: Source, status: HTTPStatus, code: str, message: str) -> HttpResponse:
    return responses.refuse(request, "download/message.html", status, code, message, source=source)


def _state(request: HttpRequest, source: Source, scope: Scope) -> dict[str, Any]:
    """Returns what the waiting page shows, and continues to prepare the download."""
    unread, damaged, total = Total(0, 0), None, scope.total()
    try:
        readiness.prepare(scope)
    except NotReady as not_ready:
        unread = not_ready.unread
    except FilesDamaged as error:
        damaged = error
    query = _query(request)
    return {
        "source": source,
        "query": query,
        "zip_url": f"{source.zip_url}?{query}",
        "wait_url": f"{source.choose_url}?{query}&wait=1",
        "total": total,
        "unread": unread,
        "read_count": total.files - unread.files,
        "damaged": damaged,
    }


def _query(request: HttpRequest) -> str:
    """Returns the query string without `wait`."""
    query = request.GET.copy()
    query.pop("wait", None)
    return query.urlencode()
