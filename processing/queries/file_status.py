"""The status of each file of a batch: whether it is stored and verified, so that its original may be deleted. One query.

A file is stored when a photo or a companion has the same SHA-256. The photo may be the file's own, the one that it duplicates,
or another one of the album. A duplicate has the status of the file that it duplicates.
A file is verified when all stored files of that photo or companion were read back, had the right checksums, and no finding has
been recorded since.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.enums import TextChoices
from django.db.models.functions import Coalesce

from albums.models import Companion, Photo
from processing.jobs import duplicates
from processing.models import Batch, Finding, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.queries import file_outcome
from processing.queries.file_outcome import FileOutcome


class FileStatus(TextChoices):
    VERIFIED = "verified", "Stored and verified"
    CHECKING = "checking", "Stored, verifying"
    DEVELOPING = "developing", "Queued"
    ARRIVING = "arriving", "Uploading"
    FAILED = "failed", "Failed"
    DAMAGED = "damaged", "Damaged in storage"
    REJECTED = "refused", "Rejected"
    EXPIRED = "expired", "Incomplete"
    AGAIN = "again", "Uploaded again"
    CANCELLED = "cancelled", "Cancelled"
    TRASHED = "trashed", "In trash"
    GONE = "gone", "Removed from album"
    SKIPPED = "skipped", "Skipped"
    COMPANION = "companion", "Companion file, skipped"


UNSETTLED = (FileStatus.ARRIVING, FileStatus.DEVELOPING, FileStatus.CHECKING)
"""Statuses that change without any user action."""


def files(batch: Batch, status: FileStatus | None = None) -> QuerySet[Any]:
    """Returns the batch's uploads in the order of sending, skipped files included; only those of `status` if it is given.

    Annotations:
    `status`: the status. `stored`: the id of the photo with the file's bytes. `companion`: the id of the companion with the
    file's bytes. `companion_photo`: the id of that companion's photo. `verified_at`: the last verification of that photo or
    companion. `resent_in`: the id of the batch that sent the same bytes again after they had failed here.
    """
    photos = Photo.objects.filter(_photo_has_same_bytes()).order_by("pk")
    uploads: QuerySet[Any] = batch.uploads.annotate(stored=Subquery(photos.values("pk")[:1]))
    companions = Companion.objects.filter(_companion_has_same_bytes()).order_by("pk")
    uploads = uploads.annotate(companion=Subquery(companions.values("pk")[:1]))
    own_companion = Companion.objects.filter(pk=OuterRef("companion"))
    uploads = uploads.annotate(
        companion_photo=Subquery(own_companion.values("photo")),
        verified_at=Coalesce(
            Subquery(Photo.objects.filter(pk=OuterRef("stored")).values("verified_at")),
            Subquery(own_companion.values("verified_at")),
        ),
        resent_in=Case(When(job__state=JobState.CANCELLED, then=Subquery(duplicates.later().values("batch")[:1]))),
        is_published_damaged=Exists(ProcessingJob.objects.filter(photo=OuterRef("stored"), publish_damaged=True)),
        **_twin_annotations(),
        status=Case(*_status_branches(), default=Value(FileStatus.GONE.value), output_field=CharField()),
    )
    return uploads.filter(status=status) if status else uploads


def _photo_has_same_bytes() -> Q:
    """Repeats the checksum in each alternative, so that the database can use another index for each."""
    has_same_sha256 = Q(original_sha256=OuterRef("sha256")) & ~Q(original_sha256="")
    is_own_photo = Q(pk=OuterRef("job__photo")) & has_same_sha256
    is_duplicated_photo = Q(pk=OuterRef("duplicate_of")) & has_same_sha256
    return is_own_photo | is_duplicated_photo | (Q(album=OuterRef("album")) & has_same_sha256)


def _companion_has_same_bytes() -> Q:
    """Compares names too, since an editor may write identical sidecars for many photos."""
    has_same_sha256 = Q(album=OuterRef("album"), sha256=OuterRef("sha256")) & ~Q(sha256="")
    return (Q(pk=OuterRef("job__companion")) & has_same_sha256) | (has_same_sha256 & Q(name=OuterRef("name")))


def _twin_annotations() -> dict[str, Case]:
    """Returns the annotations of a duplicate about the file with the same bytes. They are null for all other files."""
    received, lost = duplicates.latest(), duplicates.lost()
    annotations = {
        "twin": Coalesce(Subquery(received.values("name")[:1]), Subquery(lost.values("name")[:1])),
        "twin_job": Subquery(received.values("job__state")[:1]),
        "twin_lost": Subquery(lost.values("state")[:1]),
        "twin_code": Coalesce(Subquery(received.values("job__error_code")[:1]), Subquery(lost.values("code")[:1])),
        "twin_trouble": Coalesce(
            Subquery(received.values("job__error_message")[:1]), Subquery(lost.values("message")[:1])
        ),
    }
    return {name: Case(When(duplicates.IS_DUPLICATE, then=value)) for name, value in annotations.items()}


def _status_branches() -> Iterator[When]:
    """Yields the CASE branches in order of precedence."""
    outcomes, is_duplicate = file_outcome.conditions(), duplicates.IS_DUPLICATE
    album, sha256 = OuterRef("album"), OuterRef("sha256")
    same_uploads = Upload.objects.receiving().filter(album=album, declared_sha256=sha256)
    same_jobs = ProcessingJob.objects.active().filter(album=album, upload__sha256=sha256)
    is_lost = Q(twin_job=None, duplicate_of=None)
    companion_findings = Finding.objects.filter(companion=OuterRef("companion"))
    for status, condition in (
        (FileStatus.COMPANION, outcomes[FileOutcome.COMPANION]),
        (FileStatus.SKIPPED, outcomes[FileOutcome.SKIPPED]),
        (
            FileStatus.TRASHED,
            Q(Exists(Photo.objects.trashed().filter(pk=Coalesce(OuterRef("stored"), OuterRef("companion_photo"))))),
        ),
        (
            FileStatus.DAMAGED,
            Q(Exists(Finding.objects.filter(photo=OuterRef("stored")))) | Q(Exists(companion_findings)),
        ),
        (FileStatus.VERIFIED, Q(verified_at__isnull=False)),
        (FileStatus.CHECKING, Q(stored__isnull=False) | Q(companion__isnull=False)),
        (FileStatus.ARRIVING, outcomes[FileOutcome.ARRIVING]),
        (FileStatus.EXPIRED, outcomes[FileOutcome.EXPIRED]),
        (FileStatus.AGAIN, Q(resent_in__isnull=False)),
        (FileStatus.CANCELLED, Q(state=UploadState.CANCELLED) | Q(job__state=JobState.CANCELLED)),
        (
            FileStatus.DEVELOPING,
            outcomes[FileOutcome.WAITING] | (is_duplicate & (Q(Exists(same_uploads)) | Q(Exists(same_jobs)))),
        ),
        (FileStatus.FAILED, Q(job__state=JobState.FAILED) | Q(twin_job=JobState.FAILED)),
        (FileStatus.CANCELLED, Q(twin_job=JobState.CANCELLED)),
        (FileStatus.EXPIRED, is_lost & Q(twin_lost=UploadState.EXPIRED)),
        (FileStatus.CANCELLED, is_lost & Q(twin_lost=UploadState.CANCELLED)),
        (
            FileStatus.REJECTED,
            outcomes[FileOutcome.REJECTED] | (is_lost & Q(twin_lost=UploadState.REJECTED)),
        ),
    ):
        yield When(condition, then=Value(status.value))
