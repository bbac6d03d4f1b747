"""Pages of albums in the trash: list, restore, delete permanently. For users who may change the album."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import album_trash, delivery, removal, shelf
from albums.delivery import Stored
from albums.models import Album, Rendition
from albums.views.access import deleted_album_or_404, ensure_deletable, note_deletion

ALBUMS_A_PAGE = 60
COVER_EDGE = 800


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Those deleted last come first."""
    deleted = Album.objects.changeable_by(request.user).trashed().order_by("-trashed_at", "-pk")
    page = Paginator(deleted, ALBUMS_A_PAGE).get_page(request.GET.get("page"))
    cards = {card.album: card for card in shelf.cards(Album.objects.filter(pk__in=[album.pk for album in page]))}
    return render(
        request, "trash/albums.html", {"page": page, "cards": [cards[album] for album in page if album in cards]}
    )


@require_safe
def cover(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The first photo of an album in the trash: all that is shown of it, since its photos have no pages there."""
    album = deleted_album_or_404(request, pk)
    first = album.photos.shown().first() if album.trashed_at else None
    renditions = first.renditions.filter(format=Rendition.Format.WEBP) if first else ()
    found = min(renditions, key=lambda each: abs(each.edge - COVER_EDGE), default=None)
    if found is None:
        raise Http404
    stored = Stored(found.key, found.sha256, f"image/{found.format}")
    response = delivery.rendition(request, stored)
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """To the album, or, sent from the list of deleted albums, to what is left there."""
    album = deleted_album_or_404(request, pk)
    if album_trash.restore(album):
        messages.success(request, f"{album.title} was restored.")
    return redirect("albums:deleted" if "stay" in request.POST else album)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks whether that is meant; POST does it. Only an album in the trash can be meant."""
    album = deleted_album_or_404(request, pk)
    if not album.trashed_at:
        return redirect(album)
    ensure_deletable(request, album)
    if request.method == "POST":
        note_deletion(request, album, "album-deleted")
        album_trash.remove(album, removal.end_of_request())
        rest = Album.objects.filter(pk=album.pk).first()
        if rest is None:  # the sweep may have deleted it meanwhile
            messages.success(request, f"{album.title} was deleted permanently.")
        elif rest.trashed_at:
            messages.info(request, f"{album.title} is large: the rest of it is deleted within the next minutes.")
        return redirect("albums:deleted")
    context = {
        "album": album,
        "photo_count": album.photos.leading().count(),
        "bytes": album.photos.aggregate(sum=Sum("original_bytes", default=0))["sum"],
    }
    return render(request, "trash/delete_album.html", context)
