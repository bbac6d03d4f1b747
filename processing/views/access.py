"""Who may touch an album and its batches: its owner, and whoever may change any album. For everyone else it does not exist."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from albums.models import Album
from processing.models import Batch


def album_or_404(request: HttpRequest, pk: int) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=pk)


def batch_or_404(request: HttpRequest, pk: int) -> Batch:
    batches = Batch.objects.filter(album__in=Album.objects.visible_to(request.user))
    return get_object_or_404(batches.select_related("album", "opened_by"), pk=pk)
