"""What the queue is doing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from albums.models import Album, Photo
from processing import overview, pulse, rerendering
from processing.views.access import for_keepers, may_change_any_album


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Who runs the place sees what goes on in deleted albums too: their photos are developed and checked like any others."""
    albums = Album.objects
    queue = overview.of(albums.all() if may_change_any_album(request) else albums.visible_to(request.user))
    return render(request, "queue/page.html", {"queue": queue})


@require_POST
def cancel_rerendering(request: HttpRequest) -> HttpResponse:
    """Of all photos that the person may see."""
    rerendering.cancel(Photo.objects.visible_to(request.user))
    return redirect("processing:jobs")


@require_POST
@for_keepers
def drain(request: HttpRequest) -> HttpResponse:
    """Have the `worker` begin nothing more, or, with `resume`, go on."""
    act = pulse.resume if "resume" in request.POST else pulse.drain
    act([request.POST.get("worker", "")])
    return redirect("processing:jobs")
