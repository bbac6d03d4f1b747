"""Requests that choose the cover of an album."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from albums.access import photo_or_404
from albums.album_selection import views as album_selection
from albums.models import Photo
from albums.operations import responses
from albums.selection import Selection, SelectionError


@require_POST
def set_cover(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes the photo the cover of its album, and redirects to the photo."""
    return _set_cover(request, photo_or_404(request, pk))


@require_POST
def set_selected_cover(request: HttpRequest) -> HttpResponse:
    """Makes the one selected photo the cover of its album, and redirects to the album."""
    try:
        photos = list(Selection.parse(request.POST).photos(request.user)[:2])
        if len(photos) > 1:
            raise SelectionError("one-photo", "Select one photo only: an album has one cover.")
    except SelectionError as error:
        return responses.reject(request, error)
    photo = get_object_or_404(Photo, pk__in=[photo.pk for photo in photos])
    return _set_cover(request, photo_or_404(request, photo.pk), photo.album.get_absolute_url())


def _set_cover(request: HttpRequest, photo: Photo, url: str = "") -> HttpResponse:
    photo = photo.shown_as or photo
    operation = album_selection.start(request, "cover", [photo.album], {"photo": photo.pk})
    return responses.respond(request, operation, url or photo)
