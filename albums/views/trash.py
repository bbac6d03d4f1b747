"""Pages of an album's trash: list, restore, delete permanently."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import grid, removal, trash
from albums.models import Album
from albums.views.access import album_or_404, ensure_emptiable, note_deletion, photo_or_404

PHOTOS_A_PAGE = 200


@require_safe
def index(request: HttpRequest, pk: int) -> HttpResponse:
    album = album_or_404(request, pk)
    photos = album.photos.trashed().leading().order_by("-trashed_at", "position", "pk").prefetch_related("renditions")
    page = Paginator(photos, PHOTOS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "trash/page.html", {"album": album, "page": page})


@require_POST
def restore_all(request: HttpRequest, pk: int) -> HttpResponse:
    album = album_or_404(request, pk)
    if count := trash.restore_all(album):
        messages.success(request, f"{_photos(count)} restored.")
    return redirect(album)


@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST deletes all photos in the trash permanently."""
    album = album_or_404(request, pk)
    ensure_emptiable(request, album)
    count = album.photos.trashed().leading().count()
    if not count:
        return redirect(album)
    if request.method == "POST":
        note_deletion(request, album, "trash-emptied")
        messages.success(request, f"{_photos(trash.empty(album, removal.end_of_request()))} deleted permanently.")
        if album.photos.trashed().exists():
            messages.info(request, "The remaining photos are deleted within minutes.")
        return redirect(album)
    return render(request, "trash/empty.html", {"album": album, "photo_count": count})


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Restores the photo. Redirects to its place in the album; with `show` to its page, with `stay` back to the trash."""
    photo = photo_or_404(request, pk)
    if trash.restore(photo):
        messages.success(request, f"{photo.name} was restored.")
    if "stay" in request.POST:
        return _redirect_to_trash(photo.album)
    if "show" in request.POST:
        return redirect(photo)
    return redirect(grid.url_of(photo))


@require_http_methods(["GET", "HEAD", "POST"])
def delete_permanently(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST deletes the photo permanently. Only for a photo in the trash."""
    photo = photo_or_404(request, pk)
    if not photo.trashed_at:
        return redirect(photo)
    ensure_emptiable(request, photo.album)
    if request.method == "POST":
        note_deletion(request, photo.album, "photo-deleted")
        if trash.remove(photo):
            messages.success(request, f"{photo.name} was deleted permanently.")
        return _redirect_to_trash(photo.album)
    return render(request, "trash/delete.html", {"photo": photo, "album": photo.album})


def _redirect_to_trash(album: Album) -> HttpResponseRedirect:
    """Redirects to the trash, or to the album if the trash is empty."""
    if album.photos.trashed().exists():
        return HttpResponseRedirect(reverse("albums:trash", args=[album.pk]))
    return HttpResponseRedirect(album.get_absolute_url())


def _photos(count: int) -> str:
    return "1 photo was" if count == 1 else f"{count} photos were"
