"""Requests for an album's grid: the page, further windows, the months and the user's preference."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from albums.access import album_or_404
from albums.grid import months as album_months
from albums.grid import preferences, windows
from albums.models import Album, SortedBy
from albums.turns import one_at_a_time

UNDATED = (SortedBy.NAME, SortedBy.RATING)
"""Orders in which the photos of a month are not next to each other."""


def album_page(request: HttpRequest, album: Album) -> HttpResponse:
    """Returns the album's page with the window that the query string names."""
    window = windows.window(album, request.GET)
    if request.GET and not window.rows.exists():
        return redirect(album)
    photo_count = album.photos.shown().count()
    has_months = photo_count > album_months.MIN_PHOTOS and album.sorted_by not in UNDATED
    context = {"photo_count": photo_count, "has_months": has_months, "orders": SortedBy.choices}
    return render(request, "album/page.html", context | _context(request, album, window))


@require_safe
def window(request: HttpRequest, pk: int) -> HttpResponse:
    """Returns a window as list items, with which the page continues its grid."""
    album = album_or_404(request, pk)
    return render(request, "photo/_window.html", _context(request, album, windows.window(album, request.GET)))


@require_safe
@one_at_a_time
def months(request: HttpRequest, pk: int) -> HttpResponse:
    """Returns the list of months as a page, from which the album's page takes the list."""
    album = album_or_404(request, pk)
    return render(request, "photo/months.html", {"album": album, "months": album_months.months(album)})


@require_POST
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """Saves the user's preferences for grids. With htmx, the page has already changed its grid."""
    album = album_or_404(request, pk)
    form = preferences.GridForm(request.POST, instance=preferences.of(request.user))
    if form.is_valid():
        form.save()
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return redirect(f"{album.get_absolute_url()}?{request.GET.urlencode()}")


def _context(request: HttpRequest, album: Album, window: windows.Window) -> dict[str, Any]:
    return {
        "album": album,
        "window": window,
        "grid": preferences.of(request.user),
        "page_url": f"{album.get_absolute_url()}?",
        "window_url": f"{reverse('albums:window', args=[album.pk])}?",
        "scope": f"album={album.pk}",
    }
