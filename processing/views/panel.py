"""The panel as an answer: polled, and the reply to every action on it."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from albums.models import Album
from albums.views.access import AlbumInTrash, album_or_404
from processing.queries import upload_panel as panel_query


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
