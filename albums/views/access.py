"""Whose albums and photos a request may touch: its user's own, or all for who may change any. For others they do not exist.

Nor does an album that is in the trash, with all its photos, except on the pages of deleted albums.
"""

from django.http import Http404, HttpRequest

from albums.models import Album, Photo


class AlbumInTrash(Http404):
    """Raised for an album in the trash that the user may restore. Where no view catches it, the answer is 404."""

    code = "album-in-trash"
    message = "This album is in the trash. Restore it first."

    def __init__(self, album: Album) -> None:
        super().__init__(self.message)
        self.album = album


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
        return photo
    hidden = Album.objects.changeable_by(request.user).trashed().filter(photos__pk=pk).first()
    raise AlbumInTrash(hidden) if hidden else Http404


def _changeable(request: HttpRequest, pk: int) -> Album:
    album = Album.objects.filter(pk=pk).first()
    if album is None or not album.is_changeable_by(request.user):
        raise Http404
    return album
