"""What became of one batch, file by file: for whoever waits for its end."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from processing.jobs import duplicates, grouping
from processing.models import Batch, Upload
from processing.models.states import ACTIVE, IS_A_PHOTO, JobState, UploadState
from processing.queries import file_status, receipt
from processing.queries.file_status import Standing

IN_THE_ALBUM = (*file_status.OPEN, Standing.VERIFIED, Standing.DAMAGED, Standing.TRASHED)
"""Or on the way there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    files: int
    photos: int
    kept: int
    """Beside photos, or shown as one with them."""
    waiting: int
    companions: int
    """Skipped: they hold no picture of their own."""

    def __str__(self) -> str:
        kept = f"{self.kept} kept with them, " if self.kept else ""
        skipped = f"; {self.companions} companion file{'s' * (self.companions != 1)} skipped" if self.companions else ""
        return f"{self.files} files: {self.photos} photos, {kept}{self.waiting} waiting to be developed{skipped}"


def of(batch: Batch) -> Outcome:
    there = grouping.IS_A_PICTURE | Q(code__in=IS_A_PHOTO) | Q(job__error_code__in=IS_A_PHOTO)
    counts = batch.uploads.aggregate(
        files=Count("pk", filter=~grouping.IS_SKIPPED_COMPANION),
        companions=Count("pk", filter=grouping.IS_SKIPPED_COMPANION),
        photos=Count("pk", filter=there),
        kept=Count("pk", filter=grouping.IS_KEPT),
        waiting=Count("pk", filter=Q(job__state__in=ACTIVE)),
    )
    counts["photos"] -= _doubles_of_nothing(batch).count()
    return Outcome(**counts)


def is_over(batch: Batch) -> bool:
    return not batch.jobs.active().exists() and not batch.uploads.receiving().exists()


def troubles(batch: Batch) -> Iterator[tuple[str, str]]:
    """The name of each file that did not become a photo and will not by itself, and why."""
    not_taken = (UploadState.REFUSED, UploadState.SKIPPED, UploadState.EXPIRED, UploadState.CANCELLED)
    dropped = batch.uploads.filter(state__in=not_taken).exclude(grouping.IS_SKIPPED_COMPANION)
    for upload in dropped.exclude(code__in=IS_A_PHOTO).iterator():
        yield upload.name, upload.message
    ended_badly = batch.jobs.filter(state__in=(JobState.FAILED, JobState.CANCELLED)).exclude(error_code__in=IS_A_PHOTO)
    for job in ended_badly.order_by("pk").iterator():
        yield job.original_filename, job.error_message or "It was cancelled."
    for line in receipt.lines(_doubles_of_nothing(batch)):
        yield line.name, line.reason


def _doubles_of_nothing(batch: Batch) -> QuerySet[Upload]:
    """Files that were not stored since the same ones were on their way, of which no photo came."""
    return file_status.files(batch).filter(duplicates.IS_DOUBLE).exclude(standing__in=IN_THE_ALBUM)
