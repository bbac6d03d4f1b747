"""The similar photos of an album, side by side."""

import re
import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from albums import operations, turns
from albums.access import album_or_404
from albums.operations import responses
from albums.selection import Selection, SelectionError
from albums.similar import groups

POSITION = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@require_safe
def index(request: HttpRequest, pk: int) -> HttpResponse:
    album = album_or_404(request, pk)
    start = request.GET.get("from", "")
    assert isinstance(request.user, User)
    with turns.turn(request.user.pk):
        page = groups.page(album, int(start) if POSITION.fullmatch(start) else None)
    return render(request, "similar/page.html", {"album": album, "page": page})


@require_POST
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keeps all photos of a group: they are not shown as similar any more."""
    album = album_or_404(request, pk)
    assert isinstance(request.user, User)
    try:
        params = {"set": str(uuid.uuid4())}
        operation = operations.start(request.user, "keep-similar", params, Selection.parse(request.POST))
    except SelectionError as error:
        return responses.reject(request, error)
    return responses.respond(request, operation, reverse("albums:similar", args=[album.pk]))
