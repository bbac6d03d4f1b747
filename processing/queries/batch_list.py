"""The list of batches, filtered and counted by a constant number of queries."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.enums import TextChoices

from albums.models import Album
from processing.models import Batch, Upload
from processing.queries import file_outcome
from processing.queries.file_outcome import FileOutcome

FAILURES = (FileOutcome.FAILED, FileOutcome.FAILED_DUPLICATE, FileOutcome.REJECTED, FileOutcome.EXPIRED)


class BatchState(TextChoices):
    AT_WORK = "at-work", "In progress"
    FAILURES = "failures", "With problems"
    DONE = "done", "Done"


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch and the numbers of its files.

    `files` counts those of the receipt: skipped files, but not `companions`, which are companions without a picture of their own.
    `bytes` is the size of all files but skipped ones. `kept` counts companions of photos and photos shown as one with another.
    `failed` could not be developed, `rejected` did not become jobs, the album had the bytes of `duplicates` already, and
    other albums those of `elsewhere`, which the user skipped.
    `resent` failed and were uploaded again, in this batch or a later one.
    """

    batch: Batch
    files: int = 0
    bytes: int = 0
    photos: int = 0
    kept: int = 0
    failed: int = 0
    rejected: int = 0
    duplicates: int = 0
    elsewhere: int = 0
    cancelled: int = 0
    resent: int = 0
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
class BatchFilterValues:
    """The filter of the list. Empty fields match every batch. `text` is part of the album's title or of a file's name."""

    album: Album | None = None
    person: User | None = None
    state: BatchState | None = None
    text: str = ""


def find(albums: QuerySet[Album], filters: BatchFilterValues) -> QuerySet[Batch]:
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


def entries(batches: Sequence[Batch]) -> list[BatchRow]:
    """Returns the batches with their numbers, from one query."""
    uploads = file_outcome.with_outcome(Upload.objects.filter(batch__in=batches)).order_by()
    counts: dict[int, Counter[FileOutcome]] = defaultdict(Counter)
    sizes: dict[int, Counter[FileOutcome]] = defaultdict(Counter)
    rows = uploads.values_list("batch", "outcome").annotate(n=Count("pk"), size=Sum("size", default=0))
    for batch, outcome, n, size in rows:
        counts[batch][FileOutcome(outcome)], sizes[batch][FileOutcome(outcome)] = n, size
    return [_entry(batch, counts[batch.pk], sizes[batch.pk]) for batch in batches]


def senders(albums: QuerySet[Album]) -> QuerySet[User]:
    """Returns the senders of the batches of these albums."""
    return User.objects.filter(pk__in=Batch.objects.filter(album__in=albums).values("opened_by")).order_by("username")


def _entry(batch: Batch, counts: Counter[FileOutcome], sizes: Counter[FileOutcome]) -> BatchRow:
    return BatchRow(
        batch,
        files=counts.total() - counts[FileOutcome.COMPANION],
        bytes=sizes.total() - sizes[FileOutcome.SKIPPED] - sizes[FileOutcome.COMPANION],
        photos=counts[FileOutcome.ADDED],
        kept=counts[FileOutcome.KEPT],
        failed=counts[FileOutcome.FAILED] + counts[FileOutcome.FAILED_DUPLICATE],
        rejected=counts[FileOutcome.REJECTED] + counts[FileOutcome.EXPIRED],
        duplicates=counts[FileOutcome.DUPLICATE],
        elsewhere=counts[FileOutcome.ELSEWHERE],
        cancelled=counts[FileOutcome.CANCELLED],
        resent=counts[FileOutcome.RESENT],
        skipped=counts[FileOutcome.SKIPPED],
        companions=counts[FileOutcome.COMPANION],
        active=counts[FileOutcome.ARRIVING] + counts[FileOutcome.WAITING],
    )


def _in_state(batches: QuerySet[Batch], state: BatchState | None) -> QuerySet[Batch]:
    active = Batch.objects.active().values("pk")
    conditions = file_outcome.conditions()
    # Each in a subquery of its own, so that the database can use an index for each.
    with_failures = (Upload.objects.filter(conditions[outcome]).values("batch") for outcome in FAILURES)
    has_failures = reduce(or_, (Q(pk__in=batch_ids) for batch_ids in with_failures))
    match state:
        case BatchState.AT_WORK:
            return batches.filter(pk__in=active)
        case BatchState.FAILURES:
            return batches.filter(has_failures)
        case BatchState.DONE:
            return batches.exclude(pk__in=active).exclude(has_failures)
    return batches
