"""Pages of an album's trash: list, restore, delete permanently."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import grid, removal, trash
from albums.access import album_or_404, ensure_emptiable, note_deletion, photo_or_404
from albums.models import Album, Photo
from albums.trash_page import contents
from albums.trash_page import views as trash_page


@require_safe
def index(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of the trash with the photos of one album."""
    album = album_or_404(request, pk)
    window = contents.page(album.photos.trashed(), request.GET.get("after", ""))
    context = {"album": album, "window": window, "photo_count": album.photos.trashed().leading().count()}
    return render(
        request, "trash/page.html", context | {"kind": "photos", "may_empty": album.is_emptiable_by(request.user)}
    )


@require_POST
def restore_all(request: HttpRequest, pk: int) -> HttpResponse:
    album = album_or_404(request, pk)
    if count := trash.restore_all(album):
        messages.success(request, f"{_photos(count)} restored.")
    return redirect(album)


@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST deletes all photos in the trash permanently."""
    album, now = album_or_404(request, pk), timezone.now()
    ensure_emptiable(request, album)
    before = contents.confirmed_at(request.POST.get("before", ""), now)
    photos = album.photos.trashed().filter(trashed_at__lte=before)
    if not photos.exists():
        return redirect(album)
    if request.method == "POST":
        note_deletion(request, album, "trash-emptied")
        messages.success(
            request, f"{_photos(trash.empty_photos(photos, removal.end_of_request()))} deleted permanently."
        )
        if photos.exists():
            messages.info(request, trash_page.LATER)
        return redirect(album)
    assert isinstance(request.user, User)
    total = contents.total_of_photos(photos, request.user)
    return render(request, "trash/empty.html", {"album": album, "kind": "photos", "total": total, "before": now})


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Restores the photo. Redirects to its place in the album; with `show` to its page, with `stay` back to the trash."""
    photo = photo_or_404(request, pk)
    if trash.restore(photo):
        messages.success(request, f"{photo.name} was restored.")
    if request.POST.get("stay") == "all":
        return redirect(trash_page.url())
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
    bytes_ = Photo.objects.together(photo).aggregate(sum=Sum("original_bytes"))["sum"]
    return render(request, "trash/delete.html", {"photo": photo, "album": photo.album, "bytes": bytes_})


def _redirect_to_trash(album: Album) -> HttpResponseRedirect:
    """Redirects to the trash, or to the album if the trash is empty."""
    if album.photos.trashed().exists():
        return HttpResponseRedirect(reverse("albums:trash", args=[album.pk]))
    return HttpResponseRedirect(album.get_absolute_url())


def _photos(count: int) -> str:
    return "1 photo was" if count == 1 else f"{count} photos were"
