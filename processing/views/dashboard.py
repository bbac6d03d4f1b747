"""What the queue is doing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from albums.models import Album
from processing import overview


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    queue = overview.of(Album.objects.visible_to(request.user))
    return render(request, "upload/jobs.html", {"queue": queue})
