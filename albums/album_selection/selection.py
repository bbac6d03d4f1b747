"""The albums that a request means: the ids in its fields `album`."""

from django.http import Http404, HttpRequest

from albums.access import note
from albums.models import Album
from albums.selection import SelectionError

MAX_ALBUMS = 1000
MAX_ID_DIGITS = 18


def selected(request: HttpRequest) -> list[Album]:
    """Returns those of the albums that the user may change and that are not in the trash, sorted by title.

    Raises SelectionError if the request names none or too many, and Http404 if none of them exists for the user.
    """
    values = request.POST.getlist("album")
    if not values:
        raise SelectionError("nothing-selected", "Select at least one album first.")
    if len(values) > MAX_ALBUMS:
        raise SelectionError("selection-too-large", f"You can select at most {MAX_ALBUMS:,} albums.")
    if not all(value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS for value in values):
        raise SelectionError("selection-invalid", "The selection has an id that is not a number.")
    albums = list(Album.objects.visible_to(request.user).filter(pk__in=set(values)).order_by("title", "pk"))
    if not albums:
        raise Http404
    for album in albums:
        note(request, album)
    return albums
