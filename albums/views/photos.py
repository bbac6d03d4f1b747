"""A photo's pages and files."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from albums import delivery, operations, quality, shelf, trash
from albums.access import ensure_emptiable, note, note_deletion, photo_or_404
from albums.columns import orientation
from albums.delivery import Stored
from albums.edits import xmp
from albums.grid import windows
from albums.models import Album, Companion, Photo, Rendition
from albums.operations import responses
from albums.search import origin
from albums.selection import Selection, SelectionError
from albums.similar import hashes

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
    "JXL": "image/jxl",
}
"""Media types by Photo.format. None of them makes a browser execute the bytes."""


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The viewer of one photo. Its script gets the page of the next photo from here too."""
    photo = photo_or_404(request, pk)
    search = None if photo.trashed_at else origin.of(request)
    context = {
        "photo": photo,
        "album": photo.album,
        "album_url": origin.url_of(search, photo) if search else _album_url(photo),
        "is_from_search": bool(search),
        "photo_query": f"?{origin.query_string(search)}" if search else "",
        "strip": origin.strip(search, photo) if search else shelf.strip(photo),
        "alike": hashes.similar_photos(photo),
        # The original of a rotated photo would appear as before.
        "is_zoomable": photo.format in quality.SHOWN_BY_BROWSERS and photo.orientation == orientation.UPRIGHT,
        "is_edited": xmp.sidecar(photo) is not None,
        "days": settings.TRASH_DAYS,
    }
    return render(request, "photo/page.html", context)


@require_safe
def quality_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Compares the original with the rendition given by the parameter `with`."""
    photo = photo_or_404(request, pk)
    return render(
        request, "photo/quality.html", {"photo": photo, "quality": quality.build(photo, request.GET.get("with", ""))}
    )


@require_safe
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Returns the original as a download, byte for byte as received."""
    photo = photo_or_404(request, pk)
    content_type = CONTENT_TYPES.get(photo.format, "application/octet-stream")
    return delivery.download(request, Stored(photo.original_key, photo.original_sha256, content_type), photo.name)


@require_safe
def companion(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Returns a sidecar or Live video as a download, byte for byte as received."""
    companions = Companion.objects.filter(album__in=Album.objects.visible_to(request.user)).select_related("album")
    row = get_object_or_404(companions, pk=pk)
    note(request, row.album)
    content_type = "video/quicktime" if row.kind == Companion.Kind.MOTION else "application/octet-stream"
    return delivery.download(request, Stored(row.key, row.sha256, content_type), row.name)


@require_safe
def rendition(request: HttpRequest, pk: int, version: str, edge: int, format: str) -> HttpResponseBase:
    """Returns a rendition, or redirects to the nearest one.

    A page that was loaded before the photo was rendered again still requests the old renditions.
    """
    photos = Photo.objects.visible_to(request.user).filter(pk=pk)
    renditions = Rendition.objects.filter(photo__in=photos).select_related("photo__album")
    nearest = min(renditions, key=lambda row: (row.format != format, abs(row.edge - edge)), default=None)
    if nearest is None or format not in Rendition.Format.values:
        raise Http404
    note(request, nearest.photo.album)
    if (nearest.version, nearest.edge, nearest.format) != (version, edge, format):
        return redirect(nearest)
    return delivery.rendition(request, Stored(nearest.key, nearest.sha256, f"image/{nearest.format}"))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation. POST moves the photo to the trash and redirects to a photo beside it, or to the album.

    A repeated POST does not delete the photo permanently.
    """
    photo = photo_or_404(request, pk)
    if photo.trashed_at:
        return redirect(photo)
    ensure_emptiable(request, photo.album)
    if request.method == "POST":
        note_deletion(request, photo.album, "photo-trashed" if settings.TRASH_DAYS else "photo-deleted")
        search = origin.of(request)
        strip = origin.strip(search, photo, each_side=1) if search else shelf.strip(photo, each_side=1)
        neighbour = strip.next or strip.previous
        page = origin.page_url(search) if search else photo.album.get_absolute_url()
        if neighbour:
            page = f"{neighbour.get_absolute_url()}{origin.parameters(request)}"
        if settings.TRASH_DAYS:
            assert isinstance(request.user, User)
            selection = Selection((photo.shown_as_id or photo.pk,), album_id=photo.album_id)
            try:
                operation = operations.start(request.user, "delete", {}, selection)
            except SelectionError as error:  # another user has deleted it meanwhile
                return responses.reject(request, error)
            return responses.respond(
                request, operation, page, undone=f"{photo.get_absolute_url()}{origin.parameters(request)}"
            )
        trash.move_to_trash(photo)
        messages.success(request, f"{photo.name} was deleted.")
        return redirect(page)
    context = {"photo": photo, "album": photo.album, "days": settings.TRASH_DAYS}
    return render(request, "photo/delete.html", context | {"photo_query": origin.parameters(request)})


def _album_url(photo: Photo) -> str:
    """The URL of the photo's tile in its album, or of the trash that the photo is in."""
    if photo.trashed_at:
        return reverse("albums:trash", args=[photo.album_id])
    return windows.url_of(photo.shown_as or photo)
