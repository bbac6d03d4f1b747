"""Who may touch an album and its batches: its owner, and whoever may change any album. For everyone else it does not exist."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from albums.models import Album
from albums.views.access import AlbumInTrash
from processing.models import Batch

View = Callable[[HttpRequest], HttpResponse]


def batch_or_404(request: HttpRequest, pk: int) -> Batch:
    """Raises AlbumInTrash, too."""
    batches = Batch.objects.filter(album__in=Album.objects.changeable_by(request.user))
    batch = get_object_or_404(batches.select_related("album", "opened_by"), pk=pk)
    if batch.album.trashed_at:
        raise AlbumInTrash(batch.album)
    return batch


def may_change_any_album(request: HttpRequest) -> bool:
    """Who runs the place: sees what concerns no single album."""
    return request.user.has_perm("albums.change_album")


def for_keepers(view: View) -> View:
    """For everyone but who may change any album, this does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not may_change_any_album(request):
            raise Http404
        return view(request)

    return guarded
