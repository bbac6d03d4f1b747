"""What a user can download: an album, or a selection of photos. Each has URLs of its own."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.urls import reverse

from albums.access import album_or_404
from albums.models import Album, PhotoQuerySet
from albums.selection import Selection, saved


@dataclass(frozen=True, slots=True)
class Source:
    """`title`: of the pages and the ZIP file. `page`: the URL of the page with the photos."""

    title: str
    photos: PhotoQuerySet
    page: str
    choose_url: str
    zip_url: str


def album(request: HttpRequest, pk: int) -> Source:
    """Returns the shown photos of an album. Raises Http404."""
    source_album = album_or_404(request, pk)
    return Source(
        source_album.title,
        source_album.photos.shown(),
        source_album.get_absolute_url(),
        reverse("albums:download", args=[pk]),
        reverse("albums:download-zip", args=[pk]),
    )


def selection(request: HttpRequest, digest: str) -> Source:
    """Returns the photos of a saved selection that the user may still see. Raises Http404."""
    assert isinstance(request.user, User)
    saved_selection = saved.load(request.user, digest)
    if saved_selection is None:
        raise Http404
    return Source(
        _title(saved_selection, request.user),
        saved_selection.photos(request.user),
        _page(saved_selection),
        reverse("albums:selection-download-options", args=[digest]),
        reverse("albums:selection-download-zip", args=[digest]),
    )


def _title(chosen: Selection, user: User) -> str:
    album = Album.objects.visible_to(user).filter(pk=chosen.album_id).first() if chosen.album_id else None
    return f"Photos from {album.title}" if album else "Photos"


def _page(chosen: Selection) -> str:
    return reverse("albums:detail", args=[chosen.album_id]) if chosen.album_id else reverse("albums:list")
