"""What the queue is doing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from albums.models import Album, Photo
from processing.jobs import workers
from processing.queries import queue_overview
from processing.rendering import rerender
from processing.views.access import for_keepers, may_change_any_album


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Who runs the place sees what goes on in deleted albums too: their photos are developed and checked like any others."""
    albums = Album.objects
    queue = queue_overview.of(albums.all() if may_change_any_album(request) else albums.visible_to(request.user))
    return render(request, "queue/page.html", {"queue": queue})


@require_POST
def cancel_rerendering(request: HttpRequest) -> HttpResponse:
    """Of all photos that the person may see."""
    rerender.cancel(Photo.objects.visible_to(request.user))
    return redirect("processing:jobs")


@require_POST
@for_keepers
def drain(request: HttpRequest) -> HttpResponse:
    """Have the `worker` begin nothing more, or, with `resume`, go on."""
    act = workers.resume if "resume" in request.POST else workers.drain
    act([request.POST.get("worker", "")])
    return redirect("processing:jobs")
