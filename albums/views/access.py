"""Whose albums and photos a request may touch: its user's own, or all for who may change any. For others they do not exist."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from albums.models import Album, Photo


def album_or_404(request: HttpRequest, pk: int) -> Album:
    album = Album.objects.filter(pk=pk).first()
    if album is None or not album.is_visible_to(request.user):
        raise Http404
    return album


def photo_or_404(request: HttpRequest, pk: int) -> Photo:
    """One in the trash too: whoever may see its album decides about it."""
    photos = Photo.objects.visible_to(request.user).select_related("album", "shown_as")
    photos = photos.prefetch_related("renditions", "halves", "companions")
    return get_object_or_404(photos, pk=pk)
