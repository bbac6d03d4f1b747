"""The pages of a search: results, further windows of them, and their number."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from albums.access import album_or_404
from albums.grid import preferences
from albums.search import origin
from albums.search import results as search_results
from albums.search.results import Search
from albums.turns import one_at_a_time

EXAMPLES = (
    ("beach sunset", "Both words, in titles, captions, keywords, file names and album titles"),
    ('"golden gate"', "Both words next to each other"),
    ("camera:canon lens:50mm", "By camera and lens"),
    ("taken:2024-05..2024-08", "Taken from May to August 2024"),
    ("rating:>=4 -type:raw", "Four or five stars, but not RAW"),
    ("album:rome has:location", "In albums called Rome, with a location"),
)


@require_safe
@one_at_a_time
def results(request: HttpRequest) -> HttpResponse:
    """The photos found, one window at a time. Without a query, examples."""
    return render(request, "search/page.html", {"examples": EXAMPLES, "is_search": True, **_windowed(request)})


@require_safe
@one_at_a_time
def window(request: HttpRequest) -> HttpResponse:
    """A window as list items, with which the page continues its grid."""
    return render(request, "photo/_window.html", _windowed(request))


@require_safe
@one_at_a_time
def count(request: HttpRequest) -> HttpResponse:
    """The number of photos found, and hints, for the field while the user types."""
    return render(request, "search/_count.html", _searched(request))


def _searched(request: HttpRequest) -> dict[str, Any]:
    """Returns the search of the query string, and its album if it is limited to one. Raises Http404 for another user's album."""
    album_id = request.GET.get("album", "")
    if album_id and not origin.ALBUM_ID.fullmatch(album_id):
        raise Http404
    album = album_or_404(request, int(album_id)) if album_id else None
    return {
        "album": album,
        "search": search_results.search(request.user, request.GET.get("q", ""), album.pk if album else None),
    }


def _windowed(request: HttpRequest) -> dict[str, Any]:
    context = _searched(request)
    search: Search = context["search"]
    query = origin.query_string(search)
    return context | {
        "window": origin.window(search, request.GET),
        "grid": preferences.of(request.user),
        "page_url": f"{reverse('albums:search')}?{query}&",
        "window_url": f"{reverse('albums:search-window')}?{query}&",
        "photo_query": f"?{query}",
        "scope": query,
    }
