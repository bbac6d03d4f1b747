"""The jobs page: the queue and its workers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from albums.models import Album, Photo
from processing.jobs import workers
from processing.queries import queue_overview
from processing.rendering import rerender
from processing.views.access import may_change_any_album, require_album_admin


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Administrators also see jobs of albums in the trash: photos there are developed and checked like all others."""
    albums = Album.objects
    queue = queue_overview.build(albums.all() if may_change_any_album(request) else albums.visible_to(request.user))
    return render(request, "queue/page.html", {"queue": queue})


@require_POST
def cancel_rerendering(request: HttpRequest) -> HttpResponse:
    """Cancels the pending rerenders of all photos that the user may see."""
    rerender.cancel(Photo.objects.visible_to(request.user))
    return redirect("processing:jobs")


@require_POST
@require_album_admin
def drain(request: HttpRequest) -> HttpResponse:
    """Drains the worker named by `worker`. With `resume`, lets it claim jobs again."""
    action = workers.resume if "resume" in request.POST else workers.drain
    action([request.POST.get("worker", "")])
    return redirect("processing:jobs")
