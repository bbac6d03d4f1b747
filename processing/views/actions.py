"""What a person can do about an album's batches. Every one is a plain form; htmx only saves the page load."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from albums.views.access import album_or_404, note_deletion
from processing.models import Batch, ProcessingJob, Upload
from processing.uploads import batches
from processing.views import asked, confirmation
from processing.views.access import ensure_discardable
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
    if Batch.objects.filter(album=album, dismissed_at=None).exclude(opened_by=request.user.pk).exists():
        ensure_discardable(request, album)
    failed = ProcessingJob.objects.failed().filter(album=album)
    if question := confirmation.before_dismissing(request, failed, album.get_absolute_url()):
        return question
    note_deletion(request, album, "failures-dismissed")
    batches.dismiss(album, by=asked.who(request))
    return answer(request, album)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what is not done yet: all, or, in an album that the user may not empty, the batch that the user sent.

    Without a script, a page asks first.
    """
    album = album_or_404(request, pk)
    mine = None if album.is_emptiable_by(request.user) else batches.running_in(album)
    ensure_discardable(request, album, mine)
    what = {"batch": mine} if mine else {"album": album}
    rest = (ProcessingJob.objects.active().filter(**what), Upload.objects.receiving().filter(**what))
    if question := confirmation.before_cancelling(request, *rest, album.get_absolute_url()):
        return question
    note_deletion(request, album, "uploads-cancelled")
    if mine:
        batches.cancel_batch(mine, by=asked.who(request))
    else:
        batches.cancel(album, by=asked.who(request))
    return answer(request, album)
