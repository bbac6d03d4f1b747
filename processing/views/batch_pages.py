"""The list of batches, the page of each batch with its receipt, and its actions. Every action is a plain form."""

from collections import defaultdict
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums.access import note_deletion
from albums.models import Album, Companion, Photo
from processing.jobs import duplicates, grouping, workers
from processing.models import Batch, ProcessingJob
from processing.queries import batch_list, file_status, upload_parts
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.queries.help_texts import RETRY_IS_USELESS
from processing.queries.receipt import ReceiptLine
from processing.queries.upload_parts import UploadParts
from processing.uploads import batches
from processing.views import access, confirmation
from processing.views.access import batch_or_404, ensure_discardable
from processing.views.forms import BatchFilter

BATCHES_A_PAGE = 50
FILES_A_PAGE = 100
MAX_ALBUMS_NAMED = 3


@require_safe
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    albums = Album.objects.visible_to(request.user)
    form = BatchFilter(request, albums)
    filters = form.values
    page = Paginator(batch_list.find(albums, filters), BATCHES_A_PAGE).get_page(request.GET.get("page"))
    entries = batch_list.entries(list(page))
    is_busy = any(entry.is_busy for entry in entries)
    context = {"page": page, "entries": entries, "form": form, "is_filtered": filters != batch_list.BatchFilterValues()}
    return render(request, "batch/list.html", context | {"is_busy": is_busy})


@require_safe
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt, and the files, problems first. The query parameter `show` selects the files of one status."""
    batch = batch_or_404(request, pk)
    receipt = receipt_query.build(batch)
    show = _status(request.GET.get("show", ""))
    files = file_status.files(batch, show)
    if show is None:  # thousands of companions would hide the few files that matter, and have their own list
        files = files.exclude(grouping.IS_SKIPPED_COMPANION)
    page = Paginator(receipt_query.worst_first(files), FILES_A_PAGE).get_page(request.GET.get("page"))
    rows = _with_photos(list(receipt_query.lines(cast(QuerySet[Any], page.object_list))), batch, request.user)
    verified = [row for row in rows if show is None and row[0].status == FileStatus.VERIFIED]
    entry = batch_list.entries([batch])[0]
    retryable = batch.jobs.failed().exclude(error_code__in=RETRY_IS_USELESS)
    context = {
        "batch": batch,
        "entry": entry,
        "receipt": receipt,
        "show": show,
        "page": page,
        "files": [row for row in rows if row not in verified],
        "verified": verified,
        "took_seconds": (batch.finished_at - batch.opened_at).seconds if batch.finished_at else 0,
        "may_retry_help": retryable.exists(),
        "is_worked_on": not receipt.is_unsettled or workers.running().exists(),
    }
    return render(request, "batch/page.html", context)


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Requeues the batch's failed jobs, and failed jobs with the same bytes as its files: all, or those named by `job`."""
    batch = batch_or_404(request, pk)
    failed = ProcessingJob.objects.failed().filter(duplicates.failed_of(batch))
    batches.requeue(access.selected_jobs(request, failed), by=access.username(request))
    return redirect("processing:batch", pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancels the batch's unfinished files. Without JavaScript, a page asks for confirmation first."""
    batch = batch_or_404(request, pk)
    ensure_discardable(request, batch.album, batch)
    back = reverse("processing:batch", args=[pk])
    if page := confirmation.before_cancelling(request, *batches.unfinished(batch), back=back):
        return page
    note_deletion(request, batch.album, "uploads-cancelled")
    batches.cancel(batch, by=access.username(request))
    return redirect("processing:batch", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for confirmation; POST deletes the batch. Returns 409 while the batch is active."""
    batch = batch_or_404(request, pk)
    ensure_discardable(request, batch.album, batch)
    is_at_work = batches.is_running(batch)
    if request.method == "POST":
        try:
            batches.delete(batch, by=access.username(request))
            note_deletion(request, batch.album, "batch-deleted")
            return redirect("processing:batches")
        except batches.BatchRunning:
            is_at_work = True
    status = 409 if request.method == "POST" else 200
    lone_companions = Companion.objects.filter(job__batch=batch, photo=None).count()
    context = {
        "batch": batch,
        "entry": batch_list.entries([batch])[0],
        "is_at_work": is_at_work,
        "alone": lone_companions,
    }
    return render(request, "batch/delete.html", context, status=status)


def _with_photos(
    lines: list[ReceiptLine], batch: Batch, user: AbstractBaseUser | AnonymousUser
) -> list[tuple[ReceiptLine, Photo | None, UploadParts | None, list[Photo]]]:
    """Returns each line with its photo, its parts, and the photos with the same bytes in other albums of the user."""
    photo_ids = {line.photo for line in lines if line.photo}
    photos = Photo.objects.prefetch_related("renditions").in_bulk(photo_ids)
    parts = upload_parts.build(line.upload for line in lines if line.is_arriving)
    elsewhere = _elsewhere(lines, batch, user)
    return [
        (line, photos.get(line.photo) if line.photo else None, parts.get(line.upload), elsewhere.get(line.sha256, []))
        for line in lines
    ]


def _elsewhere(
    lines: list[ReceiptLine], batch: Batch, user: AbstractBaseUser | AnonymousUser
) -> dict[str, list[Photo]]:
    """Returns the photos with the lines' bytes in the user's other albums, by checksum: at most MAX_ALBUMS_NAMED of each."""
    photos = Photo.objects.filter(original_sha256__in={line.sha256 for line in lines if line.sha256}, trashed_at=None)
    others = (
        photos.visible_to(user).exclude(album=batch.album_id).select_related("album").order_by("album__title", "pk")
    )
    by_checksum: dict[str, list[Photo]] = defaultdict(list)
    for photo in others:
        if len(by_checksum[photo.original_sha256]) < MAX_ALBUMS_NAMED:
            by_checksum[photo.original_sha256].append(photo)
    return by_checksum


def _status(value: str) -> FileStatus | None:
    return FileStatus(value) if value in FileStatus.values else None
