"""The panel as an answer: polled, and the reply to every action on it.

The actions are what a person can do about an album's batches. Every one is a plain form; htmx only saves the page load.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from albums.models import Album
from albums.views.access import AlbumInTrash, album_or_404, note_deletion
from processing.models import Batch, ProcessingJob, Upload
from processing.queries import upload_panel as panel_query
from processing.uploads import batches
from processing.views import access, confirmation
from processing.views.access import ensure_discardable


@require_safe
@never_cache
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the panel as it is now, with the photos that became ready after the one `seen`, or more `since` then.

    410 when the album is in the trash.
    """
    try:
        return partial(request, album_or_404(request, pk))
    except AlbumInTrash:
        return HttpResponse(status=HTTPStatus.GONE)


def answer(request: HttpRequest, album: Album) -> HttpResponse:
    """After an action: the panel for htmx, the album's page for everybody else."""
    if request.htmx:  # type: ignore[attr-defined]
        return partial(request, album)
    return redirect(album)


def partial(request: HttpRequest, album: Album, *, status: int = 200, error: str = "") -> HttpResponse:
    panel = panel_query.of(album, seen=_told(request, "seen") or 0, since=_told(request, "since"), error=error)
    return render(request, "upload/_panel.html", {"panel": panel}, status=status)


def _told(request: HttpRequest, name: str) -> int | None:
    raw = request.GET.get(name, "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 12 else None


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Requeue the album's failed jobs: all, or those named by `job`."""
    album = album_or_404(request, pk)
    failed = ProcessingJob.objects.failed().filter(album=album)
    batches.requeue(access.named(request, failed), by=access.who(request))
    return answer(request, album)


@require_POST
def clear(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the report away, with its failures. Without a script, a page asks first."""
    album = album_or_404(request, pk)
    if Batch.objects.filter(album=album, dismissed_at=None).exclude(opened_by=request.user.pk).exists():
        ensure_discardable(request, album)
    failed = ProcessingJob.objects.failed().filter(album=album)
    if question := confirmation.before_dismissing(request, failed, album.get_absolute_url()):
        return question
    note_deletion(request, album, "failures-dismissed")
    batches.dismiss(album, by=access.who(request))
    return answer(request, album)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what is not done yet: all, or, in an album that the user may not empty, the batch that the user sent.

    Without a script, a page asks first.
    """
    album = album_or_404(request, pk)
    mine = None if album.is_emptiable_by(request.user) else batches.running_in(album)
    ensure_discardable(request, album, mine)
    what = {"batch": mine} if mine else {"album": album}
    rest = (ProcessingJob.objects.active().filter(**what), Upload.objects.receiving().filter(**what))
    if question := confirmation.before_cancelling(request, *rest, album.get_absolute_url()):
        return question
    note_deletion(request, album, "uploads-cancelled")
    if mine:
        batches.cancel_batch(mine, by=access.who(request))
    else:
        batches.cancel(album, by=access.who(request))
    return answer(request, album)
