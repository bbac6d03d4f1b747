"""One photo: its page, its bytes."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_safe

from albums import delivery, likeness, quality, shelf, trash
from albums.delivery import Stored
from albums.models import Album, Companion, Photo, Rendition
from albums.views.access import ensure_emptiable, note, note_deletion, photo_or_404

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
"""By Photo.format. Never one that a browser would run, whatever the bytes are."""


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    photo = photo_or_404(request, pk)
    before, after = shelf.neighbours(photo)
    context = {"photo": photo, "album": photo.album, "before": before, "after": after}
    return render(request, "photo/page.html", context | {"alike": likeness.alike(photo)})


@require_safe
def quality_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Its original against the rendition that is asked for by `with`."""
    photo = photo_or_404(request, pk)
    return render(
        request, "photo/quality.html", {"photo": photo, "quality": quality.of(photo, request.GET.get("with", ""))}
    )


@require_safe
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Byte for byte as received, as a download: whatever it holds, no browser runs it here."""
    photo = photo_or_404(request, pk)
    kind = CONTENT_TYPES.get(photo.format, "application/octet-stream")
    return delivery.download(request, Stored(photo.original_key, photo.original_sha256, kind), photo.name)


@require_safe
def companion(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What is kept beside a photo, byte for byte as received, as a download."""
    companions = Companion.objects.filter(album__in=Album.objects.visible_to(request.user)).select_related("album")
    found = get_object_or_404(companions, pk=pk)
    note(request, found.album)
    kind = "video/quicktime" if found.kind == Companion.Kind.MOTION else "application/octet-stream"
    return delivery.download(request, Stored(found.key, found.sha256, kind), found.name)


@require_safe
def rendition(request: HttpRequest, pk: int, version: str, edge: int, format: str) -> HttpResponseBase:
    """A page from before the photo was rendered again still asks for the old ones: it is led to the nearest of the new."""
    photos = Photo.objects.visible_to(request.user).filter(pk=pk)
    there = Rendition.objects.filter(photo__in=photos).select_related("photo__album")
    found = min(there, key=lambda each: (each.format != format, abs(each.edge - edge)), default=None)
    if found is None or format not in Rendition.Format.values:
        raise Http404
    note(request, found.photo.album)
    if (found.version, found.edge, found.format) != (version, edge, format):
        return redirect(found)
    return delivery.rendition(request, Stored(found.key, found.sha256, f"image/{found.format}"))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks whether that is meant; POST moves it to the trash. Sent twice, it takes it no further than there."""
    photo = photo_or_404(request, pk)
    if photo.trashed_at:
        return redirect(photo)
    ensure_emptiable(request, photo.album)
    if request.method == "POST":
        note_deletion(request, photo.album, "photo-trashed" if settings.TRASH_DAYS else "photo-deleted")
        if trash.put_away(photo):
            messages.success(request, render_to_string("trash/_moved.html", {"photo": photo}, request))
        else:
            messages.success(request, f"{photo.name} was deleted.")
        return redirect(photo.album)
    context = {"photo": photo, "album": photo.album, "days": settings.TRASH_DAYS}
    return render(request, "photo/delete.html", context)
