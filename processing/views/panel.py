"""The upload panel: its poll, and the actions on an album's batches, which return it.

Every action is a plain form; htmx only saves the page load.
"""

from http import HTTPStatus

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from albums.access import AlbumInTrash, album_or_404, note_deletion
from albums.models import Album
from processing.jobs import duplicates
from processing.models import Batch, ProcessingJob
from processing.queries import upload_panel as panel_query
from processing.uploads import batches
from processing.views import access, confirmation
from processing.views.access import ensure_discardable


@require_safe
@never_cache
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Returns the current panel, with the photos that are newer than the photo `seen` or were changed after `since`.

    Returns 410 if the album is in the trash.
    """
    try:
        return panel_response(request, album_or_404(request, pk))
    except AlbumInTrash:
        return HttpResponse(status=HTTPStatus.GONE)


def action_response(request: HttpRequest, album: Album) -> HttpResponse:
    """Returns the response to an action: the panel for htmx, otherwise a redirect to the album."""
    if access.is_htmx(request):
        return panel_response(request, album)
    return redirect(album)


def panel_response(request: HttpRequest, album: Album, *, status: int = 200, error: str = "") -> HttpResponse:
    panel = panel_query.build(album, seen=_number(request, "seen") or 0, since=_number(request, "since"), error=error)
    return render(request, "upload/_panel.html", {"panel": panel}, status=status)


def _number(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Requeues the album's failed jobs: all, those of the parameter `batch`, or those named by `job`."""
    album = album_or_404(request, pk)
    batch = _batch(request, album)
    failed = ProcessingJob.objects.failed().filter(duplicates.failed_of(batch) if batch else Q(album=album))
    batches.requeue(access.selected_jobs(request, failed), by=access.username(request))
    return action_response(request, album)


@require_POST
def clear(request: HttpRequest, pk: int) -> HttpResponse:
    """Dismisses the report of the parameter `batch` and its failures; without it, those of all batches of the album.

    Without JavaScript, a page asks for confirmation first.
    """
    album = album_or_404(request, pk)
    batch = _batch(request, album)
    undismissed = Batch.objects.filter(album=album, dismissed_at=None)
    if batch or undismissed.exclude(opened_by=request.user.pk).exists():
        ensure_discardable(request, album, batch)
    failed = ProcessingJob.objects.failed().filter(Q(batch=batch) if batch else Q(album=album))
    if page := confirmation.before_dismissing(request, failed, album.get_absolute_url()):
        return page
    note_deletion(request, album, "failures-dismissed")
    batches.dismiss(batch or album, by=access.username(request))
    return action_response(request, album)


def _batch(request: HttpRequest, album: Album) -> Batch | None:
    """Returns the album's batch that the query parameter `batch` names, None without it."""
    pk = _number(request, "batch")
    return get_object_or_404(Batch, pk=pk, album=album) if pk else None


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancels the unfinished files: all, or only those of the user's batch if the user may not empty the album.

    Without JavaScript, a page asks for confirmation first.
    """
    album = album_or_404(request, pk)
    own_batch = None if album.is_emptiable_by(request.user) else batches.running_in(album)
    ensure_discardable(request, album, own_batch)
    target = own_batch or album
    if page := confirmation.before_cancelling(request, *batches.unfinished(target), back=album.get_absolute_url()):
        return page
    note_deletion(request, album, "uploads-cancelled")
    batches.cancel(target, by=access.username(request))
    return action_response(request, album)
