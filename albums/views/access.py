"""Whose albums and photos a request may touch: its user's own, or all for who may change any. For others they do not exist."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from albums.models import Album, Photo


def album_or_404(request: HttpRequest, pk: int) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=pk)


def photo_or_404(request: HttpRequest, pk: int) -> Photo:
    """One in the trash too: whoever may see its album decides about it."""
    photos = Photo.objects.visible_to(request.user).select_related("album", "shown_as")
    photos = photos.prefetch_related("renditions", "halves", "companions")
    return get_object_or_404(photos, pk=pk)
