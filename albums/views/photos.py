"""One photo: its page, its bytes."""

from typing import BinaryIO, cast

from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_safe

from albums import likeness, shelf, trash
from albums.models import Album, Companion, Photo, Rendition
from albums.views.access import photo_or_404

FOR_EVER = "private, max-age=31536000, immutable"
"""A rendition's address changes with its bytes, so it never goes stale."""


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

RUNS_NOTHING = "sandbox; default-src 'none'"


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    photo = photo_or_404(request, pk)
    before, after = shelf.neighbours(photo)
    context = {"photo": photo, "album": photo.album, "before": before, "after": after}
    return render(request, "photo/page.html", context | {"alike": likeness.alike(photo)})


@require_safe
def original(request: HttpRequest, pk: int) -> FileResponse:
    """Byte for byte as received, as a download: whatever it holds, no browser runs it here."""
    photo = photo_or_404(request, pk)
    response = FileResponse(
        _bytes(photo.original_key),
        as_attachment=True,
        filename=photo.name,
        content_type=CONTENT_TYPES.get(photo.format, "application/octet-stream"),
    )
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


@require_safe
def companion(request: HttpRequest, pk: int) -> FileResponse:
    """What is kept beside a photo, byte for byte as received, as a download."""
    found = get_object_or_404(Companion, album__in=Album.objects.visible_to(request.user), pk=pk)
    kind = "video/quicktime" if found.kind == Companion.Kind.MOTION else "application/octet-stream"
    response = FileResponse(_bytes(found.key), as_attachment=True, filename=found.name, content_type=kind)
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


@require_safe
def rendition(request: HttpRequest, pk: int, version: str, edge: int) -> FileResponse:
    found = get_object_or_404(Rendition, photo__in=Photo.objects.visible_to(request.user).filter(pk=pk), edge=edge)
    if found.version != version:
        raise Http404
    response = FileResponse(_bytes(found.key), content_type="image/webp")
    response["Cache-Control"] = FOR_EVER
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks whether that is meant; POST moves it to the trash. Sent twice, it takes it no further than there."""
    photo = photo_or_404(request, pk)
    if photo.trashed_at:
        return redirect(photo)
    if request.method == "POST":
        if trash.put_away(photo):
            messages.success(request, render_to_string("trash/_moved.html", {"photo": photo}, request))
        else:
            messages.success(request, f"{photo.name} was deleted.")
        return redirect(photo.album)
    context = {"photo": photo, "album": photo.album, "days": settings.TRASH_DAYS}
    return render(request, "photo/delete.html", context)


def _bytes(key: str) -> BinaryIO:
    try:
        return cast(BinaryIO, default_storage.open(key))
    except FileNotFoundError as error:
        raise Http404("Its file is missing from storage; `manage.py verify` tells which.") from error
