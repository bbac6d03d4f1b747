"""Access to albums and their batches: for the album's owner and users with permission to change any album. Others get a 404."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from albums.access import AlbumInTrash, MayNotDelete, note
from albums.models import Album
from processing.models import Batch, ProcessingJob

View = Callable[[HttpRequest], HttpResponse]


def batch_or_404(request: HttpRequest, pk: int) -> Batch:
    """Returns the batch. Raises Http404, and AlbumInTrash when its album is in the trash."""
    batches = Batch.objects.filter(album__in=Album.objects.changeable_by(request.user))
    batch = get_object_or_404(batches.select_related("album", "opened_by"), pk=pk)
    if batch.album.trashed_at:
        raise AlbumInTrash(batch.album)
    note(request, batch.album)
    return batch


def ensure_discardable(request: HttpRequest, album: Album, batch: Batch | None = None) -> None:
    """Raises MayNotDelete if the user may not delete files that are no photos yet: those of the batch, or of the whole album.

    The sender of a batch may delete its files.
    """
    if album.is_emptiable_by(request.user) or (batch and batch.opened_by_id == request.user.pk):
        return
    raise MayNotDelete


def may_delete_of_any_album(request: HttpRequest) -> bool:
    return may_change_any_album(request) and any(
        request.user.has_perm(permission) for permission in (Album.DELETE_ALBUMS, Album.DELETE_PHOTOS)
    )


def may_change_any_album(request: HttpRequest) -> bool:
    """True if the user may change any album, and so also see pages about the whole installation."""
    return request.user.has_perm("albums.change_album")


def is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def only_if(is_allowed: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    """Returns a decorator for views, which raise Http404 for users that `is_allowed` rejects."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not is_allowed(request):
                raise Http404
            return view(request)

        return guarded

    return decorate


require_album_admin = only_if(may_change_any_album)
for_superusers = only_if(is_superuser)


def is_htmx(request: HttpRequest) -> bool:
    """True if htmx sent the request and expects a fragment instead of a page."""
    return bool(request.htmx)  # type: ignore[attr-defined]


def username(request: HttpRequest) -> str:
    assert isinstance(request.user, User)
    return request.user.get_username()


def selected_jobs(request: HttpRequest, jobs: QuerySet[ProcessingJob]) -> QuerySet[ProcessingJob]:
    """Returns the jobs named by the form's `job` fields, or all without such a field. Values that are no ids are ignored."""
    values = request.POST.getlist("job")
    ids = [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19]
    return jobs.filter(pk__in=ids) if ids else jobs
