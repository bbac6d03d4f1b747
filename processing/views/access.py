"""Who may touch an album: its owner, and whoever may change any album. For everyone else it does not exist."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from albums.models import Album


def album_or_404(request: HttpRequest, pk: int) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=pk)
