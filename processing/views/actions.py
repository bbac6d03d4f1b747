"""What a person can do about an album's batches. Every one is a plain form; htmx only saves the page load."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from albums.views.access import album_or_404
from processing import batches
from processing.models import ProcessingJob, Upload
from processing.views import asked, confirming
from processing.views.panel import answer


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Requeue the album's failed jobs: all, or those named by `job`."""
    album = album_or_404(request, pk)
    failed = ProcessingJob.objects.failed().filter(album=album)
    batches.requeue(asked.named(request, failed), by=asked.who(request))
    return answer(request, album)


@require_POST
def clear(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the report away, with its failures. Without a script, a page asks first."""
    album = album_or_404(request, pk)
    failed = ProcessingJob.objects.failed().filter(album=album)
    if question := confirming.before_dismissing(request, failed, album.get_absolute_url()):
        return question
    batches.dismiss(album, by=asked.who(request))
    return answer(request, album)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what is not done yet. Without a script, a page asks first."""
    album = album_or_404(request, pk)
    active, receiving = ProcessingJob.objects.active(), Upload.objects.receiving()
    rest = (active.filter(album=album), receiving.filter(album=album))
    if question := confirming.before_cancelling(request, *rest, album.get_absolute_url()):
        return question
    batches.cancel(album, by=asked.who(request))
    return answer(request, album)
