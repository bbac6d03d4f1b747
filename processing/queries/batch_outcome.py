"""The outcome of one batch, for `manage.py import_photos`."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from processing.jobs import duplicates
from processing.models import Batch, Upload
from processing.queries import file_outcome, file_status, receipt
from processing.queries.file_outcome import FileOutcome
from processing.queries.file_status import FileStatus

IN_ALBUM = (*file_status.UNSETTLED, FileStatus.VERIFIED, FileStatus.DAMAGED, FileStatus.TRASHED)
"""Statuses of files that are in the album or are still being processed."""
NO_PHOTO = (
    FileOutcome.REJECTED,
    FileOutcome.EXPIRED,
    FileOutcome.SKIPPED,
    FileOutcome.RESENT,
    FileOutcome.CANCELLED,
    FileOutcome.FAILED,
)
"""Outcomes of files that did not become photos. For duplicates, see the status."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
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


def build(batch: Batch) -> BatchOutcome:
    counts = file_outcome.count(batch.uploads.all())
    copies = counts[FileOutcome.DUPLICATE] + counts[FileOutcome.FAILED_DUPLICATE]
    return BatchOutcome(
        files=counts.total() - counts[FileOutcome.COMPANION],
        photos=counts[FileOutcome.ADDED] + copies - _duplicates_without_photo(batch).count(),
        kept=counts[FileOutcome.KEPT],
        waiting=counts[FileOutcome.WAITING],
        companions=counts[FileOutcome.COMPANION],
    )


def failures(batch: Batch) -> Iterator[tuple[str, str]]:
    """Yields name and reason of each file that is no photo and will not become one without user action."""
    uploads = file_outcome.with_outcome(batch.uploads.all()).filter(outcome__in=NO_PHOTO)
    for name, message, job_message in uploads.values_list("name", "message", "job__error_message").iterator():
        yield name, message or job_message or receipt.CANCELLED[1]
    for line in receipt.lines(_duplicates_without_photo(batch)):
        yield line.name, line.reason


def _duplicates_without_photo(batch: Batch) -> QuerySet[Upload]:
    """Returns duplicates of files that did not become photos."""
    return file_status.files(batch).filter(duplicates.IS_DUPLICATE).exclude(status__in=IN_ALBUM)
