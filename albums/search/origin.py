"""The search from which a photo's page was opened. Its parameters `q` and `album` stay in the URLs of the photos found."""

import re

from django.db.models import F
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from albums import shelf
from albums.columns.search_order import PLACE
from albums.grid import windows
from albums.grid.windows import PhotoList
from albums.models import Photo
from albums.search import results
from albums.search.results import Search

ALBUM_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def of(request: HttpRequest) -> Search | None:
    """Returns the search that the photo's page was opened from; None if there is none in its URL.

    An album of another user needs no check here: no photos of it are found.
    """
    text, album = request.GET.get("q", ""), request.GET.get("album", "")
    if not text or (album and not ALBUM_ID.fullmatch(album)):
        return None
    return results.search(request.user, text, int(album) if album else None)


def parameters(request: HttpRequest) -> str:
    """Returns the query string for pages of other photos of the search: `?q=…`; empty if there is no search."""
    origin = of(request)
    return f"?{query_string(origin)}" if origin else ""


def query_string(search: Search) -> str:
    return urlencode({"q": search.text} | ({"album": str(search.album_id)} if search.album_id else {}))


def photo_list(search: Search) -> PhotoList:
    return PhotoList(search.ordered, "place")


def strip(search: Search, photo: Photo, each_side: int = shelf.STRIP_PHOTOS) -> shelf.Strip:
    """Returns the photos found before and after the photo. Both lists are empty for a photo that pages do not show."""
    return shelf.strip(_placed(search, photo), each_side, photo_list(search))


def page_url(search: Search) -> str:
    return f"{reverse('albums:search')}?{query_string(search)}"


def url_of(search: Search, photo: Photo) -> str:
    """Returns the URL of the page of results with the photo's tile."""
    first = windows.first_of_window(photo_list(search), _placed(search, photo))
    window = "" if first is None else f"&from={first[0]}-{first[1]}"
    return f"{page_url(search)}{window}#photo-{photo.pk}"


def window(search: Search, query: QueryDict) -> windows.Window:
    return windows.window_of(photo_list(search), query)


def _placed(search: Search, photo: Photo) -> Photo:
    """Gives the photo its place among the results, whether it is one of them or not."""
    place = F("position") if search.album_id else PLACE
    photo.place = Photo.objects.filter(pk=photo.pk).values_list(place, flat=True).get()  # type: ignore[attr-defined]
    return photo
