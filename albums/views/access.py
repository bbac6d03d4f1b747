"""Whose albums and photos a request may touch: its user's own, or all for who may change any. For others they do not exist.

Nor does an album that is in the trash, with all its photos, except on the pages of deleted albums. To delete what belongs to
another user, a user needs a permission of its own (docs/permissions.md).
"""

from django.core.exceptions import PermissionDenied
from django.dispatch import Signal
from django.http import Http404, HttpRequest

from albums.models import Album, Photo

opened = Signal()
"""Sent with `request` and `album` when a person gets to another user's album: the first time in a session."""
destroyed = Signal()
"""Sent with `request`, `album` and `what` (as `album-trashed`) when a person deleted something of another user's album."""

SEEN = "albums_of_others"
"""In the session: the ids of other users' albums that were opened in it."""
MOST_SEEN = 500
"""Ids that a session holds at most, the latest: the web server reads the session with every request."""


class AlbumInTrash(Http404):
    """Raised for an album in the trash that the user may restore. Where no view catches it, the answer is 404."""

    code = "album-in-trash"
    message = "This album is in the trash. Restore it first."

    def __init__(self, album: Album) -> None:
        super().__init__(self.message)
        self.album = album


class MayNotDelete(PermissionDenied):
    """Raised for what the user may see and change, but not delete. Where no view catches it, the answer is 403."""

    code = "may-not-delete"
    message = (
        "This belongs to another user, and your account may not delete it. Nothing was changed. Ask the owner, or an "
        "administrator."
    )

    def __init__(self) -> None:
        super().__init__(self.message)


def album_or_404(request: HttpRequest, pk: int) -> Album:
    """Raises AlbumInTrash, too."""
    album = _changeable(request, pk)
    if album.trashed_at:
        raise AlbumInTrash(album)
    return album


def deleted_album_or_404(request: HttpRequest, pk: int) -> Album:
    """One that may be in the trash, or not any more."""
    return _changeable(request, pk)


def photo_or_404(request: HttpRequest, pk: int) -> Photo:
    """One in the trash too: whoever may see its album decides about it."""
    photos = Photo.objects.visible_to(request.user).select_related("album", "shown_as")
    photos = photos.prefetch_related("renditions", "halves", "companions")
    if photo := photos.filter(pk=pk).first():
        note(request, photo.album)
        return photo
    hidden = Album.objects.changeable_by(request.user).trashed().filter(photos__pk=pk).first()
    raise AlbumInTrash(hidden) if hidden else Http404


def ensure_deletable(request: HttpRequest, album: Album) -> None:
    """Raises MayNotDelete where the user may not delete the album."""
    if not album.is_deletable_by(request.user):
        raise MayNotDelete


def ensure_emptiable(request: HttpRequest, album: Album) -> None:
    """Raises MayNotDelete where the user may not delete photos of the album, or files on their way to it."""
    if not album.is_emptiable_by(request.user):
        raise MayNotDelete


def note(request: HttpRequest, album: Album) -> None:
    """Send `opened` if the album is another user's and was not opened in this session yet."""
    if album.is_of(request.user):
        return
    seen = request.session.get(SEEN, [])
    if album.pk not in seen:
        request.session[SEEN] = [*seen[1 - MOST_SEEN :], album.pk]
        opened.send(sender=Album, request=request, album=album)


def note_deletion(request: HttpRequest, album: Album, what: str) -> None:
    """Send `destroyed` if the album is another user's."""
    if not album.is_of(request.user):
        destroyed.send(sender=Album, request=request, album=album, what=what)


def _changeable(request: HttpRequest, pk: int) -> Album:
    album = Album.objects.filter(pk=pk).first()
    if album is None or not album.is_changeable_by(request.user):
        raise Http404
    note(request, album)
    return album
