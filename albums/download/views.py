"""Requests: what to download of an album, waiting until that is ready, and the ZIP file."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from albums.download import archive, readiness, refusals, responses
from albums.download.archive import FileMissing
from albums.download.contents import ChecksumMissing
from albums.download.forms import DownloadForm
from albums.download.readiness import FilesDamaged, NotReady
from albums.download.selection import Selection, Size, Total, total
from albums.download.slots import AllSlotsTaken
from albums.models import Album
from albums.views.access import album_or_404


@require_safe
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form. With `wait`, the page of a download that is being prepared, which asks for itself again."""
    album = album_or_404(request, pk)
    shown = album.photos.shown()
    form = DownloadForm(request.GET)
    if "wait" in request.GET and form.is_valid():
        return _wait(request, album, form.selection(shown))
    context = {
        "album": album,
        "originals": total(Selection(shown, with_companions=False).files()),
        "large": total(Selection(shown, Size.LARGE, with_companions=False).files()),
        "companions": total(Selection(shown).companions()),
    }
    return render(request, "download/choose.html", context)


@require_safe
def album_zip(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The ZIP file, or a refusal: 503 if it is temporary, otherwise 400 or 409."""
    album = album_or_404(request, pk)
    form = DownloadForm(request.GET)
    if not form.is_valid():
        return refusals.INVALID.response(request, album=album)
    selection = form.selection(album.photos.shown())
    try:
        readiness.prepare(selection)
        return _send(request, album, selection)
    except NotReady as not_ready:
        return refusals.PREPARING.response(request, **_progress(request, album, selection, not_ready.unread))
    except ChecksumMissing:  # a photo was added since prepare()
        return refusals.PREPARING.response(request, **_progress(request, album, selection, Total(1, 0)))
    except FilesDamaged as damaged:
        return refusals.DAMAGED.response(request, album=album, damaged=damaged, query=_query(request))
    except FileMissing:
        return refusals.MISSING.response(request, album=album)
    except AllSlotsTaken:
        return refusals.BUSY.response(request, album=album)


def _send(request: HttpRequest, album: Album, selection: Selection) -> HttpResponseBase:
    new_archive = archive.archive(selection, album.title)
    if not len(new_archive.layout):
        return refusals.EMPTY.response(request, album=album)
    return responses.send(request, new_archive)


def _wait(request: HttpRequest, album: Album, selection: Selection) -> HttpResponse:
    """Returns the page that waits, and continues to prepare the download."""
    unread, damaged = Total(0, 0), None
    try:
        readiness.prepare(selection)
    except NotReady as not_ready:
        unread = not_ready.unread
    except FilesDamaged as error:
        damaged = error
    return render(request, "download/wait.html", {**_progress(request, album, selection, unread), "damaged": damaged})


def _progress(request: HttpRequest, album: Album, selection: Selection, unread: Total) -> dict[str, Any]:
    query, all_files = _query(request), total(selection.files())
    return {
        "album": album,
        "query": query,
        "total": all_files,
        "unread": unread,
        "has_worker": not unread.files or readiness.has_worker(),
        "read_count": all_files.files - unread.files,
        "zip_url": f"{reverse('albums:download-zip', args=[album.pk])}?{query}",
        "wait_url": f"{reverse('albums:download', args=[album.pk])}?{query}&wait=1",
    }


def _query(request: HttpRequest) -> str:
    """Returns the query string without `wait`."""
    query = request.GET.copy()
    query.pop("wait", None)
    return query.urlencode()
