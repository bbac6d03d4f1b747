"""What has become of each file of a batch: the one definition by which pages and commands count files.

An outcome follows from the rows of the upload and its job, and from the job of the file that a duplicate repeats. Whether the
bytes are stored and verified now is the file's status (file_status.py).
"""

from collections import Counter
from enum import StrEnum
from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, Q, QuerySet, Value, When

from processing.jobs import duplicates, grouping
from processing.models.states import ACTIVE, IS_A_PHOTO, JobState, UploadState


class FileOutcome(StrEnum):
    ARRIVING = "arriving"
    WAITING = "waiting"
    """Received; its job is pending or processing."""
    ADDED = "added"
    """A photo that pages show, or showed until it was deleted."""
    KEPT = "kept"
    """Stored as a companion, or as a RAW that another photo is shown for."""
    FAILED = "failed"
    FAILED_DUPLICATE = "failed-duplicate"
    """Not stored, because another file has the same bytes; but that file failed."""
    DUPLICATE = "duplicate"
    """Not stored, because the album has, or is receiving, the same bytes."""
    ELSEWHERE = "elsewhere"
    """Not stored, because another album has the same bytes, and the user chose to skip the file."""
    REJECTED = "refused"
    EXPIRED = "expired"
    SKIPPED = "skipped"
    COMPANION = "companion"
    """Skipped, because it is a companion without a picture of its own."""
    RESENT = "resent"
    """Failed, and was uploaded again, which cancelled its job."""
    CANCELLED = "cancelled"


def conditions() -> dict[FileOutcome, Q]:
    """Conditions on uploads. Uploads that meet none are cancelled.

    Failed duplicates, and files of other albums, meet the condition of duplicates, too: the first condition that is met counts.
    """
    is_in_album = Q(job__error_code__in=IS_A_PHOTO)
    is_elsewhere = Q(duplicate_of__isnull=False) & ~Q(duplicate_of__album=F("album"))
    job_ended = Q(job__state__in=(JobState.FAILED, JobState.CANCELLED))
    return {
        # In order of frequency, because the database evaluates them one after the other for each row.
        FileOutcome.ADDED: grouping.IS_PHOTO,
        FileOutcome.WAITING: Q(job__state__in=ACTIVE),
        FileOutcome.ARRIVING: Q(state=UploadState.RECEIVING),
        FileOutcome.KEPT: grouping.IS_COMPANION,
        FileOutcome.FAILED_DUPLICATE: duplicates.has_failed(),
        FileOutcome.ELSEWHERE: duplicates.IS_DUPLICATE & is_elsewhere,
        FileOutcome.DUPLICATE: duplicates.IS_DUPLICATE | (job_ended & is_in_album),
        FileOutcome.FAILED: Q(job__state=JobState.FAILED) & ~is_in_album,
        FileOutcome.REJECTED: Q(state=UploadState.REJECTED) & ~duplicates.IS_DUPLICATE,
        FileOutcome.EXPIRED: Q(state=UploadState.EXPIRED),
        FileOutcome.COMPANION: grouping.IS_SKIPPED_COMPANION,
        FileOutcome.SKIPPED: Q(state=UploadState.SKIPPED) & ~grouping.IS_SKIPPED_COMPANION,
        FileOutcome.RESENT: Q(job__state=JobState.CANCELLED) & ~is_in_album & Q(Exists(duplicates.later())),
    }


def with_outcome(uploads: QuerySet[Any]) -> QuerySet[Any]:
    """Annotates the uploads with `outcome`."""
    branches = (When(condition, then=Value(outcome.value)) for outcome, condition in conditions().items())
    cancelled = Value(FileOutcome.CANCELLED.value)
    annotated: QuerySet[Any] = uploads.annotate(outcome=Case(*branches, default=cancelled, output_field=CharField()))
    return annotated


def count(uploads: QuerySet[Any]) -> Counter[FileOutcome]:
    """Returns the number of uploads by outcome, from one query."""
    rows = with_outcome(uploads).order_by().values_list("outcome").annotate(n=Count("pk"))
    return Counter({FileOutcome(outcome): n for outcome, n in rows})
