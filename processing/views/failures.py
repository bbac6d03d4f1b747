"""The failure page and its actions. Every action is a plain form; htmx only saves the page load."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from albums import delivery
from albums.access import MayNotDelete, note, note_deletion
from albums.delivery import RUNS_NOTHING, Stored
from albums.models import Album
from processing.models import Preview, ProcessingJob
from processing.queries import failure_page
from processing.queries.failure_scope import FailureScope
from processing.uploads import batches
from processing.views import access, failure_selection
from processing.views.access import may_change_any_album

NOTHING_SELECTED = "Select at least one file."
NOT_PUBLISHED = "Select a damaged file with a preview."
NOT_YOURS = "to other users and your account cannot delete them."
PREVIEW_CACHE_CONTROL = "private, max-age=600"


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The query parameters `album`, `batch`, `code` and `kind` filter the failures."""
    desk = failure_page.build(failure_selection.scope(request, request.GET), request.GET.get("page"))
    return render(request, "failure/page.html", {"desk": desk})


@require_POST
def retry(request: HttpRequest) -> HttpResponse:
    """Requeues the selected failures that still have a raw file."""
    scope = failure_selection.scope(request, request.POST)
    picked = failure_selection.selection(request.POST, scope)
    rejected_count = picked.uploads.count()
    count = batches.requeue(picked.jobs, by=access.username(request))
    if count:
        messages.success(request, f"{count} file{pluralize(count)} will be retried.")
    if rejected_count:
        messages.warning(
            request, f"{rejected_count} rejected file{pluralize(rejected_count)} cannot be retried. Upload again."
        )
    if not count and not rejected_count:
        messages.warning(request, NOTHING_SELECTED)
    return _redirect_to_page(request, scope)


@require_POST
def publish(request: HttpRequest) -> HttpResponse:
    """Publishes the selected damaged files, as far as they can be decoded."""
    scope = failure_selection.scope(request, request.POST)
    count = batches.publish_damaged(failure_selection.selection(request.POST, scope).jobs, by=access.username(request))
    if count:
        messages.success(request, f"{count} damaged file{pluralize(count)} will be published, with a warning.")
    else:
        messages.warning(request, NOT_PUBLISHED)
    return _redirect_to_page(request, scope)


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Dismisses the selected failures. If raw files would be deleted, the first POST only asks for confirmation."""
    scope = failure_selection.scope(request, request.POST)
    selected = failure_selection.selection(request.POST, scope)
    picked = selected.discardable_by(request.user)
    size = picked.size()
    # Other users see only failures that they may delete.
    kept_count = selected.size().total - size.total if may_change_any_album(request) else 0
    if kept_count and not size.total:
        raise MayNotDelete
    if size.failed and "confirmed" not in request.POST:
        carried = [
            *scope.fields.items(),
            *failure_selection.carried_fields(request.POST),
            ("until", timezone.now().isoformat()),
        ]
        return render(request, "failure/dismiss.html", {"size": size, "scope": scope, "carried": carried})
    for album in picked.albums():
        note_deletion(request, album, "failures-dismissed")
    count = batches.dismiss_failed(picked.jobs, by=access.username(request)) + batches.dismiss_rejected(picked.uploads)
    if kept_count:
        verb = pluralize(kept_count, "belongs,belong")
        messages.warning(request, f"{kept_count} file{pluralize(kept_count)} {verb} {NOT_YOURS}")
    if count:
        messages.success(request, f"{count} problem{pluralize(count)} dismissed.")
    else:
        messages.warning(request, NOTHING_SELECTED)
    return _redirect_to_page(request, scope)


@require_safe
def raw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Returns the received file as a download with a content type that browsers do not run."""
    job = _failed_job(request, pk)
    stored = Stored(job.raw_path, job.upload.sha256, "application/octet-stream")
    return delivery.download(request, stored, job.original_filename)


@require_safe
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    preview = get_object_or_404(Preview, job=_failed_job(request, pk))
    response = HttpResponse(preview.webp, content_type="image/webp")
    response["Cache-Control"] = PREVIEW_CACHE_CONTROL
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


def _redirect_to_page(request: HttpRequest, scope: FailureScope) -> HttpResponse:
    query = scope.fields | {name: value for name, value in request.POST.items() if name == "page" and value}
    return redirect(reverse("processing:failures", query=query))


def _failed_job(request: HttpRequest, pk: int) -> ProcessingJob:
    failed = ProcessingJob.objects.failed().select_related("upload")
    job = get_object_or_404(failed.select_related("album"), pk=pk, album__in=Album.objects.visible_to(request.user))
    note(request, job.album)
    return job
