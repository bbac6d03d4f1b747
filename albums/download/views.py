"""Requests: what to download of an album, waiting until that is ready, and the ZIP file."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_safe

from albums.download import archive, readiness, responses
from albums.download.archive import FileMissing
from albums.download.contents import ChecksumMissing
from albums.download.forms import DownloadForm
from albums.download.readiness import FilesDamaged, NotReady
from albums.download.selection import Selection, Size, Total
from albums.download.slots import AllSlotsTaken
from albums.edits import overrides, xmp
from albums.models import Album
from albums.views.access import album_or_404

RETRY_SECONDS = 3
"""The Retry-After of a download that is being prepared: as often as the page asks."""
BUSY_SECONDS = 30

BUSY = "The server is sending as many downloads as it can. Try again in a moment."
INVALID = "Choose what to download: size=original or size=2560."
EMPTY = "This album has no photos to download."
MISSING = "A file of this album is missing in storage. Ask your administrator to run manage.py verify."


@require_safe
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form. With `wait`, the page of a download that is being prepared, which asks for itself again."""
    album = album_or_404(request, pk)
    form = DownloadForm(request.GET)
    if "wait" in request.GET and form.is_valid():
        return render(request, "download/wait.html", _state(request, album, form.selection(album.photos.shown())))
    shown = album.photos.shown()
    context = {
        "album": album,
        "originals": Selection(shown, with_companions=False).total(),
        "large": Selection(shown, Size.LARGE, with_companions=False).total(),
        "companions": Selection(shown).companions().total(),
        "has_edits": shown.filter(overrides.IS_EDITED).exists(),
    }
    return render(request, "download/choose.html", context)


@require_safe
def album_zip(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The ZIP file. 503 while it is being prepared or the server is busy, and 409 if files are damaged or missing."""
    album = album_or_404(request, pk)
    form = DownloadForm(request.GET)
    if not form.is_valid():
        return _message(request, album, HTTPStatus.BAD_REQUEST, "invalid-download", INVALID)
    selection = form.selection(album.photos.shown())
    try:
        readiness.prepare(selection)
        generated_files = xmp.generated_files if form.cleaned_data["edits"] else None
        new_archive = archive.archive(selection, album.title, generated_files)
        if not len(new_archive.layout):
            return _message(request, album, HTTPStatus.CONFLICT, "no-photos", EMPTY)
        return responses.send(request, new_archive)
    except (NotReady, ChecksumMissing):
        return _not_ready(request, album, selection)
    except FilesDamaged as damaged:
        context = {"album": album, "damaged": damaged, "query": _query(request)}
        message = f"{damaged.count} file{pluralize(damaged.count)} can't be downloaded: damaged or missing in storage."
        return responses.refuse(
            request, "download/damaged.html", HTTPStatus.CONFLICT, "files-damaged", message, **context
        )
    except FileMissing:
        return _message(request, album, HTTPStatus.CONFLICT, "file-missing", MISSING)
    except AllSlotsTaken:
        response = _message(request, album, HTTPStatus.SERVICE_UNAVAILABLE, "downloads-busy", BUSY)
        response["Retry-After"] = str(BUSY_SECONDS)
        return response


def _not_ready(request: HttpRequest, album: Album, selection: Selection) -> HttpResponse:
    message = "This download is being prepared. Try again in a moment."
    response = responses.refuse(
        request,
        "download/wait.html",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "download-preparing",
        message,
        **_state(request, album, selection),
    )
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _message(request: HttpRequest, album: Album, status: HTTPStatus, code: str, message: str) -> HttpResponse:
    return responses.refuse(request, "download/message.html", status, code, message, album=album)


def _state(request: HttpRequest, album: Album, selection: Selection) -> dict[str, Any]:
    """Returns what the waiting page shows, and continues to prepare the download."""
    unread, damaged, total = Total(0, 0), None, selection.total()
    try:
        readiness.prepare(selection)
    except NotReady as not_ready:
        unread = not_ready.unread
    except FilesDamaged as error:
        damaged = error
    query = _query(request)
    urls = {
        "zip_url": f"{reverse('albums:download-zip', args=[album.pk])}?{query}",
        "wait_url": f"{reverse('albums:download', args=[album.pk])}?{query}&wait=1",
    }
    return {
        "album": album,
        "query": query,
        "total": total,
        "unread": unread,
        "read_count": total.files - unread.files,
        "damaged": damaged,
        **urls,
    }


def _query(request: HttpRequest) -> str:
    """Returns the query string without `wait`."""
    query = request.GET.copy()
    query.pop("wait", None)
    return query.urlencode()
