"""The list of batches, filtered and counted by a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.enums import TextChoices

from albums.models import Album
from processing.jobs import duplicates, grouping
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import ACTIVE, ENDED_BADLY, IS_A_PHOTO, JobState, UploadState

IS_IN_ALBUM = Q(code__in=IS_A_PHOTO) | Q(job__error_code__in=IS_A_PHOTO)
"""Matches uploads of bytes that the album had already."""
SENT = ~Q(state=UploadState.SKIPPED)
REFUSED = Q(state__in=ENDED_BADLY) & ~Q(code__in=IS_A_PHOTO)
FAILED = Q(job__state=JobState.FAILED) & ~Q(job__error_code__in=IS_A_PHOTO)


class State(TextChoices):
    AT_WORK = "at-work", "In progress"
    FAILURES = "failures", "With problems"
    DONE = "done", "Done"


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch and the numbers of its files.

    `files` counts those of the receipt: skipped files, but not `companions`, which are companions without a picture of their own.
    `bytes` is the size of all files but skipped ones. `kept` counts companions of photos and photos shown as one with another.
    `failed` could not be developed, `refused` did not become jobs, and the album had the bytes of `doubles` already.
    """

    batch: Batch
    files: int = 0
    bytes: int = 0
    photos: int = 0
    kept: int = 0
    failed: int = 0
    refused: int = 0
    doubles: int = 0
    skipped: int = 0
    companions: int = 0
    active: int = 0

    @property
    def is_busy(self) -> bool:
        return self.active > 0

    @property
    def settled(self) -> int:
        return self.files - self.active


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of the list. Empty fields match every batch. `text` is part of the album's title or of a file's name."""

    album: Album | None = None
    person: User | None = None
    state: State | None = None
    text: str = ""


def find(albums: QuerySet[Album], filters: Wanted) -> QuerySet[Batch]:
    """Returns the batches of these albums that match the filter, newest first."""
    batches = Batch.objects.filter(album__in=albums).select_related("album", "opened_by")
    if filters.album:
        batches = batches.filter(album=filters.album)
    if filters.person:
        batches = batches.filter(opened_by=filters.person)
    if filters.text:
        uploads = Upload.objects.filter(name__icontains=filters.text)
        batches = batches.filter(Q(album__title__icontains=filters.text) | Q(pk__in=uploads.values("batch")))
    return _in_state(batches, filters.state)


def entries(batches: Sequence[Batch]) -> list[Entry]:
    is_duplicate = IS_IN_ALBUM & (Q(state=UploadState.REFUSED) | Q(job__state=JobState.FAILED))
    rows = (
        Upload.objects.filter(batch__in=batches)
        .values("batch")
        .annotate(
            files=Count("pk", filter=~grouping.IS_SKIPPED_COMPANION),
            bytes=Sum("size", filter=SENT, default=0),
            photos=Count("pk", filter=grouping.IS_A_PICTURE),
            kept=Count("pk", filter=grouping.IS_KEPT),
            failed=Count("pk", filter=FAILED | duplicates.has_failed()),
            refused=Count("pk", filter=REFUSED),
            doubles=Count("pk", filter=is_duplicate & ~duplicates.has_failed()),
            skipped=Count("pk", filter=~SENT & ~grouping.IS_SKIPPED_COMPANION),
            companions=Count("pk", filter=grouping.IS_SKIPPED_COMPANION),
            active=Count("pk", filter=Q(state=UploadState.RECEIVING) | Q(job__state__in=ACTIVE)),
        )
        .order_by()
    )
    counts: dict[int, dict[str, Any]] = {row["batch"]: {**row} for row in rows}
    return [Entry(**counts.get(batch.pk, {}) | {"batch": batch}) for batch in batches]


def openers(albums: QuerySet[Album]) -> QuerySet[User]:
    """Returns the senders of the batches of these albums."""
    return User.objects.filter(pk__in=Batch.objects.filter(album__in=albums).values("opened_by")).order_by("username")


def _in_state(batches: QuerySet[Batch], state: State | None) -> QuerySet[Batch]:
    active = Batch.objects.active().values("pk")
    failed = ProcessingJob.objects.failed().exclude(error_code__in=IS_A_PHOTO).values("batch")
    refused = Upload.objects.filter(REFUSED | duplicates.has_failed()).values("batch")
    has_failures = Q(pk__in=failed) | Q(pk__in=refused)
    match state:
        case State.AT_WORK:
            return batches.filter(pk__in=active)
        case State.FAILURES:
            return batches.filter(has_failures)
        case State.DONE:
            return batches.exclude(pk__in=active).exclude(has_failures)
    return batches
