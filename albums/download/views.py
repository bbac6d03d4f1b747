"""Requests: what to download of an album or a selection, waiting until that is ready, and the ZIP file."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from albums import turns
from albums.download import archive, edits, readiness, refusals, responses, sources
from albums.download.archive import FileMissing
from albums.download.contents import ChecksumMissing
from albums.download.forms import DownloadForm
from albums.download.readiness import FilesDamaged, NotReady
from albums.download.scope import Scope, Size, Total, total
from albums.download.slots import AllSlotsTaken, Slot
from albums.download.sources import Source
from albums.operations.responses import reject
from albums.selection import Selection, SelectionError, saved
from albums.turns import one_at_a_time


@require_safe
@one_at_a_time
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of an album. With `wait`, the page of a download that is being prepared, which asks for itself again."""
    return _choose(request, sources.album(request, pk))


@require_safe
def album_zip(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The ZIP file, or a refusal: 503 if it is temporary, otherwise 400 or 409."""
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
@one_at_a_time
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
        return _wait(request, source, form.scope(source.photos))
    context = {
        "source": source,
        "originals": total(Scope(source.photos, with_companions=False).files()),
        "large": total(Scope(source.photos, Size.LARGE, with_companions=False).files()),
        "companions": total(Scope(source.photos).companions()),
        "has_edits": edits.has_edits(source.photos),
    }
    return render(request, "download/choose.html", context)


def _zip(request: HttpRequest, source: Source) -> HttpResponseBase:
    form = DownloadForm(request.GET)
    if not form.is_valid():
        return refusals.INVALID.response(request, source=source)
    assert isinstance(request.user, User)
    try:
        slot = Slot(request.user.pk)
    except AllSlotsTaken:
        return refusals.BUSY.response(request, source=source)
    with slot.released_unless_kept():
        return _archived(request, source, form, slot)


def _archived(request: HttpRequest, source: Source, form: DownloadForm, slot: Slot) -> HttpResponseBase:
    scope = form.scope(source.photos)
    try:
        with turns.turn(slot.user_id):
            readiness.prepare(scope)
            new_archive = archive.archive(scope, source.title, edits.sidecars if form.with_edits else None)
        if not len(new_archive.layout):
            return refusals.EMPTY.response(request, source=source)
        return responses.send(request, new_archive, slot)
    except NotReady as not_ready:
        return refusals.PREPARING.response(request, **_progress(request, source, scope, not_ready.unread))
    except ChecksumMissing:  # a photo was added since prepare()
        return refusals.PREPARING.response(request, **_progress(request, source, scope, Total(1, 0)))
    except FilesDamaged as damaged:
        return refusals.DAMAGED.response(request, source=source, damaged=damaged, query=_query(request))
    except FileMissing:
        return refusals.MISSING.response(request, source=source)


def _wait(request: HttpRequest, source: Source, scope: Scope) -> HttpResponse:
    """Returns the page that waits, and continues to prepare the download."""
    unread, damaged = Total(0, 0), None
    try:
        readiness.prepare(scope)
    except NotReady as not_ready:
        unread = not_ready.unread
    except FilesDamaged as error:
        damaged = error
    return render(request, "download/wait.html", {**_progress(request, source, scope, unread), "damaged": damaged})


def _progress(request: HttpRequest, source: Source, scope: Scope, unread: Total) -> dict[str, Any]:
    query, all_files = _query(request), total(scope.files())
    return {
        "source": source,
        "query": query,
        "total": all_files,
        "unread": unread,
        "has_worker": not unread.files or readiness.has_worker(),
        "read_count": all_files.files - unread.files,
        "zip_url": f"{source.zip_url}?{query}",
        "wait_url": f"{source.choose_url}?{query}&wait=1",
    }


def _query(request: HttpRequest) -> str:
    """Returns the query string without `wait`."""
    query = request.GET.copy()
    query.pop("wait", None)
    return query.urlencode()
