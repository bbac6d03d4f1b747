"""The search from which a photo's page was opened. Its parameters `q` and `album` stay in the URLs of the photos found."""

import re

from django.db.models import F
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from albums import shelf
from albums.grid import windows
from albums.grid.windows import PhotoList
from albums.models import Photo
from albums.search.columns import PLACE
from albums.search.results import Search, search

ALBUM_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def of(request: HttpRequest) -> Search | None:
    """Returns the search that the photo's page was opened from; None if there is none in its URL.

    An album of another user needs no check here: no photos of it are found.
    """
    text, album = request.GET.get("q", ""), request.GET.get("album", "")
    if not text or (album and not ALBUM_ID.fullmatch(album)):
        return None
    return search(request.user, text, int(album) if album else None)


def parameters(request: HttpRequest) -> str:
    """Returns the query string for pages of other photos of the search: `?q=…`; empty if there is no search."""
    origin = of(request)
    return f"?{query_string(origin)}" if origin else ""


def query_string(found: Search) -> str:
    return urlencode({"q": found.text} | ({"album": str(found.album_id)} if found.album_id else {}))


def photo_list(found: Search) -> PhotoList:
    return PhotoList(found.ordered, "place")


def strip(found: Search, photo: Photo, each_side: int = shelf.STRIP_PHOTOS) -> shelf.Strip:
    """Returns the photos found before and after the photo. Both lists are empty for a photo that pages do not show."""
    return shelf.strip(_placed(found, photo), each_side, photo_list(found))


def page_url(found: Search) -> str:
    return f"{reverse('albums:search')}?{query_string(found)}"


def url_of(found: Search, photo: Photo) -> str:
    """Returns the URL of the page of results with the photo's tile."""
    first = windows.first_of_window(photo_list(found), _placed(found, photo))
    window = "" if first is None else f"&from={first[0]}-{first[1]}"
    return f"{page_url(found)}{window}#photo-{photo.pk}"


def window(found: Search, query: QueryDict) -> windows.Window:
    return windows.window_of(photo_list(found), query)


def _placed(found: Search, photo: Photo) -> Photo:
    """Gives the photo its place among the results, whether it is one of them or not."""
    place = F("position") if found.album_id else PLACE
    photo.place = Photo.objects.filter(pk=photo.pk).values_list(place, flat=True).get()  # type: ignore[attr-defined]
    return photo
