"""Pages of albums in the trash: list, restore, delete permanently. For users with the permission to change the album."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import album_trash, delivery, removal, shelf
from albums.access import deleted_album_or_404, ensure_deletable, note_deletion
from albums.delivery import Stored
from albums.models import Album, Rendition
from albums.trash_page import contents
from albums.trash_page import views as trash_page

COVER_EDGE = 800


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Redirects to the albums in the trash: the address of this list in earlier versions."""
    return redirect(trash_page.url(trash_page.ALBUMS))


@require_safe
def cover(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Returns a rendition of the cover of an album in the trash. The other photos are not accessible there."""
    album = deleted_album_or_404(request, pk)
    photo = shelf.cover(album) if album.trashed_at else None
    renditions = photo.renditions.filter(format=Rendition.Format.WEBP) if photo else ()
    nearest = min(renditions, key=lambda rendition: abs(rendition.edge - COVER_EDGE), default=None)
    if nearest is None:
        raise Http404
    stored = Stored(nearest.key, nearest.sha256, f"image/{nearest.format}")
    response = delivery.rendition(request, stored)
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Restores the album. Redirects to it, or back to the list of deleted albums if the request has `stay`."""
    album = deleted_album_or_404(request, pk)
    if album_trash.restore(album):
        messages.success(request, f"{album.title} was restored.")
    return redirect(trash_page.url(trash_page.ALBUMS) if "stay" in request.POST else album)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST deletes the album permanently. Only for an album in the trash."""
    album = deleted_album_or_404(request, pk)
    if not album.trashed_at:
        return redirect(album)
    ensure_deletable(request, album)
    if request.method == "POST":
        note_deletion(request, album, "album-deleted")
        album_trash.remove(album, removal.end_of_request())
        remaining = Album.objects.filter(pk=album.pk).first()
        if remaining is None:  # the sweep may have deleted it meanwhile
            messages.success(request, f"{album.title} was deleted permanently.")
        elif remaining.trashed_at:
            messages.info(request, f"{album.title} is large. The rest is deleted within minutes.")
        return redirect(trash_page.url(trash_page.ALBUMS))
    assert isinstance(request.user, User)
    total = contents.total_of_album(album, request.user)
    return render(request, "trash/delete_album.html", {"album": album, "total": total})
