"""Access control: a user may see and change their own albums, or all with the permission to change any. Others get 404.

An album in the trash is only accessible on the pages of deleted albums, and its photos have no pages. Deleting another user's
albums or photos needs a separate permission (docs/permissions.md).
"""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.dispatch import Signal
from django.http import Http404, HttpRequest

from albums.models import Album, Photo

opened = Signal()
"""Sent with `request` and `album` when a user opens another user's album for the first time in a session."""
destroyed = Signal()
"""Sent with `request`, `album` and `what` (as `album-trashed`) when a user deletes another user's album or photos of it."""

SESSION_KEY = "albums_of_others"
"""The session key of the ids of other users' albums that were opened in the session."""
MAX_SESSION_IDS = 500
"""The maximum number of ids, the latest ones: the web server reads the session with every request."""


class AlbumInTrash(Http404):
    """The album is in the trash, and the user may restore it. Results in a 404 response unless a view catches it."""

    code = "album-in-trash"
    message = "This album is in the trash. Restore it first."

    def __init__(self, album: Album) -> None:
        super().__init__(self.message)
        self.album = album


class MayNotDelete(PermissionDenied):
    """The user may see and change the object, but not delete it. Results in a 403 response unless a view catches it."""

    code = "may-not-delete"
    message = "This belongs to another user and your account cannot delete it. Ask the owner or your administrator."

    def __init__(self) -> None:
        super().__init__(self.message)


def album_or_404(request: HttpRequest, pk: int) -> Album:
    """Returns the album. Raises Http404, or AlbumInTrash if the album is in the trash."""
    album = _changeable(request, pk)
    if album.trashed_at:
        raise AlbumInTrash(album)
    return album


def deleted_album_or_404(request: HttpRequest, pk: int) -> Album:
    """Returns an album that may or may not be in the trash. Raises Http404."""
    return _changeable(request, pk)


def photo_or_404(request: HttpRequest, pk: int) -> Photo:
    """Returns the photo, even from the trash. Raises Http404, or AlbumInTrash if its album is in the trash."""
    photos = Photo.objects.visible_to(request.user).select_related("album", "shown_as")
    photos = photos.prefetch_related("renditions", "halves", "companions")
    if photo := photos.filter(pk=pk).first():
        note(request, photo.album)
        return photo
    trashed_album = Album.objects.changeable_by(request.user).trashed().filter(photos__pk=pk).first()
    raise AlbumInTrash(trashed_album) if trashed_album else Http404


def ensure_deletable(request: HttpRequest, album: Album) -> None:
    """Raises MayNotDelete if the user may not delete the album."""
    if not album.is_deletable_by(request.user):
        raise MayNotDelete


def ensure_emptiable(request: HttpRequest, album: Album) -> None:
    """Raises MayNotDelete if the user may not delete photos of the album, or uploads in progress to it."""
    if not album.is_emptiable_by(request.user):
        raise MayNotDelete


def note(request: HttpRequest, album: Album) -> None:
    """Sends `opened` if the album belongs to another user and is opened for the first time in this session."""
    if album.is_of(request.user):
        return
    album_ids = request.session.get(SESSION_KEY, [])
    if album.pk not in album_ids:
        request.session[SESSION_KEY] = [*album_ids[1 - MAX_SESSION_IDS :], album.pk]
        opened.send(sender=Album, request=request, album=album)


def signed_in_user(request: HttpRequest) -> User:
    """Returns the user of a request. The middleware admits no others to pages."""
    assert isinstance(request.user, User)
    return request.user


def note_deletion(request: HttpRequest, album: Album, what: str) -> None:
    """Sends `destroyed` if the album belongs to another user."""
    if not album.is_of(request.user):
        destroyed.send(sender=Album, request=request, album=album, what=what)


def _changeable(request: HttpRequest, pk: int) -> Album:
    album = Album.objects.filter(pk=pk).first()
    if album is None or not album.is_changeable_by(request.user):
        raise Http404
    note(request, album)
    return album
