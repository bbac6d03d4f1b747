"""The outcome of one batch, for `manage.py import_photos`."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from processing.jobs import duplicates, grouping
from processing.models import Batch, Upload
from processing.models.states import ACTIVE, IS_A_PHOTO, JobState, UploadState
from processing.queries import file_status, receipt
from processing.queries.file_status import Standing

IN_ALBUM = (*file_status.OPEN, Standing.VERIFIED, Standing.DAMAGED, Standing.TRASHED)
"""Statuses of files that are in the album or are still being processed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    files: int
    photos: int
    kept: int
    """Files kept as companions of photos, or shown as one with another photo."""
    waiting: int
    companions: int
    """Files that were skipped because they contain no picture of their own."""

    def __str__(self) -> str:
        related = f"{_plural(self.kept, 'related file')}, " if self.kept else ""
        skipped = f"; {_plural(self.companions, 'companion file')} skipped" if self.companions else ""
        photos = _plural(self.photos, "photo")
        return f"{_plural(self.files, 'file')}: {photos}, {related}{self.waiting} queued{skipped}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def of(batch: Batch) -> Outcome:
    is_in_album = grouping.IS_A_PICTURE | Q(code__in=IS_A_PHOTO) | Q(job__error_code__in=IS_A_PHOTO)
    counts = batch.uploads.aggregate(
        files=Count("pk", filter=~grouping.IS_SKIPPED_COMPANION),
        companions=Count("pk", filter=grouping.IS_SKIPPED_COMPANION),
        photos=Count("pk", filter=is_in_album),
        kept=Count("pk", filter=grouping.IS_KEPT),
        waiting=Count("pk", filter=Q(job__state__in=ACTIVE)),
    )
    counts["photos"] -= _duplicates_without_photo(batch).count()
    return Outcome(**counts)


def is_over(batch: Batch) -> bool:
    return not batch.jobs.active().exists() and not batch.uploads.receiving().exists()


def troubles(batch: Batch) -> Iterator[tuple[str, str]]:
    """Yields name and reason of each file that is no photo and will not become one without user action."""
    states = (UploadState.REFUSED, UploadState.SKIPPED, UploadState.EXPIRED, UploadState.CANCELLED)
    uploads = batch.uploads.filter(state__in=states).exclude(grouping.IS_SKIPPED_COMPANION)
    for upload in uploads.exclude(code__in=IS_A_PHOTO).iterator():
        yield upload.name, upload.message
    jobs = batch.jobs.filter(state__in=(JobState.FAILED, JobState.CANCELLED)).exclude(error_code__in=IS_A_PHOTO)
    for job in jobs.order_by("pk").iterator():
        yield job.original_filename, job.error_message or receipt.CANCELLED[1]
    for line in receipt.lines(_duplicates_without_photo(batch)):
        yield line.name, line.reason


def _duplicates_without_photo(batch: Batch) -> QuerySet[Upload]:
    """Returns duplicates of files that did not become photos."""
    return file_status.files(batch).filter(duplicates.IS_DOUBLE).exclude(standing__in=IN_ALBUM)
