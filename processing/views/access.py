"""Who may touch an album and its batches: its owner, and whoever may change any album. For everyone else it does not exist."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from albums.models import Album
from albums.views.access import AlbumInTrash, MayNotDelete, note
from processing.models import Batch, ProcessingJob

View = Callable[[HttpRequest], HttpResponse]


def batch_or_404(request: HttpRequest, pk: int) -> Batch:
    """Raises AlbumInTrash, too."""
    batches = Batch.objects.filter(album__in=Album.objects.changeable_by(request.user))
    batch = get_object_or_404(batches.select_related("album", "opened_by"), pk=pk)
    if batch.album.trashed_at:
        raise AlbumInTrash(batch.album)
    note(request, batch.album)
    return batch


def ensure_discardable(request: HttpRequest, album: Album, batch: Batch | None = None) -> None:
    """Raises MayNotDelete where the user may not delete files that are no photos yet: of the batch, or of all of the album.

    Whoever sent a batch may: these files are theirs.
    """
    if album.is_emptiable_by(request.user) or (batch and batch.opened_by_id == request.user.pk):
        return
    raise MayNotDelete


def may_delete_of_any_album(request: HttpRequest) -> bool:
    return may_change_any_album(request) and any(
        request.user.has_perm(each) for each in (Album.DELETE_ALBUMS, Album.DELETE_PHOTOS)
    )


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


def who(request: HttpRequest) -> str:
    assert isinstance(request.user, User)
    return request.user.get_username()


def named(request: HttpRequest, jobs: QuerySet[ProcessingJob]) -> QuerySet[ProcessingJob]:
    """Those of the jobs that a form names by `job`; all, if it names none. What cannot be an id is passed over."""
    ids = [int(job) for job in request.POST.getlist("job") if job.isascii() and job.isdigit() and len(job) < 19]
    return jobs.filter(pk__in=ids) if ids else jobs
