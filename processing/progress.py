"""The read side: frozen summaries for pages. However large a batch is, a panel costs the same few queries."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from albums.models import Album
from processing.models import Batch, ProcessingJob, Upload
from processing.states import ACTIVE, ENDED_BADLY, JobState, UploadState

LISTED = 100
"""Failures and refusals shown by name; more are counted."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is going on in an album now. All zero when nothing is."""

    total: int = 0
    done: int = 0
    failed: int = 0
    active: int = 0
    receiving: int = 0
    refused: int = 0
    since: datetime | None = None
    seconds_left: int | None = None
    current: str = ""
    by: str = ""

    @property
    def is_busy(self) -> bool:
        return bool(self.active or self.receiving)

    @property
    def is_receiving(self) -> bool:
        return bool(self.receiving)

    @property
    def settled(self) -> int:
        return self.done + self.failed

    @property
    def percent(self) -> int:
        """Never 100 while work is left."""
        return min(99 if self.is_busy else 100, 100 * self.settled // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the batches whose report nobody has put away yet."""

    added: int = 0
    failed_count: int = 0
    refused_count: int = 0
    failed: list[ProcessingJob] = field(default_factory=list)
    refused: list[Upload] = field(default_factory=list)
    noted: list[Upload] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        return bool(self.added or self.failed_count or self.refused_count)

    @property
    def trouble(self) -> int:
        return self.failed_count + self.refused_count

    @property
    def unlisted(self) -> int:
        return self.trouble - len(self.failed) - len(self.refused)


@dataclass(frozen=True, slots=True)
class Badge:
    """For the list of albums."""

    active: int
    failed: int


def of(album: Album) -> Progress:
    """The progress of the batches at work in the album."""
    batches = list(Batch.objects.active(album).select_related("opened_by"))
    if not batches:
        return Progress()
    jobs = _count_jobs(batches)
    uploads = Upload.objects.filter(batch__in=batches).aggregate(
        receiving=Count("pk", filter=Q(state=UploadState.RECEIVING)),
        refused=Count("pk", filter=Q(state__in=ENDED_BADLY)),
    )
    current = ProcessingJob.objects.in_work().filter(album=album).values_list("original_filename", flat=True).first()
    opener = batches[0].opened_by
    return Progress(
        total=jobs["done"] + jobs["failed"] + jobs["active"] + uploads["receiving"],
        done=jobs["done"],
        failed=jobs["failed"],
        active=jobs["active"],
        since=batches[0].opened_at,
        seconds_left=_seconds_left(jobs),
        current=current or "",
        by=opener.get_username() if opener else "",
        **uploads,
    )


def report(album: Album) -> Report:
    batches = Batch.objects.filter(album=album, dismissed_at=None)
    failed = ProcessingJob.objects.failed().filter(album=album).order_by("pk")
    uploads = Upload.objects.filter(batch__in=batches)
    counts = uploads.aggregate(
        added=Count("pk", filter=Q(job__state=JobState.COMPLETED)),
        refused_count=Count("pk", filter=Q(state__in=ENDED_BADLY, dismissed_at=None)),
    )
    return Report(
        failed=list(failed[:LISTED]),
        failed_count=failed.count(),
        refused=list(uploads.ended_badly().select_related("duplicate_of")[:LISTED]),
        noted=list(uploads.filter(state=UploadState.RECEIVED).exclude(note="")[:LISTED]),
        **counts,
    )


def badges(albums: list[Album]) -> dict[int, Badge]:
    """By album id, for those with something at work or failed."""
    rows = (
        ProcessingJob.objects.filter(album__in=albums, state__in=(*ACTIVE, JobState.FAILED))
        .values("album")
        .annotate(
            active=Count("pk", filter=Q(state__in=ACTIVE)),
            failed=Count("pk", filter=Q(state=JobState.FAILED)),
        )
        .order_by()
    )
    return {row["album"]: Badge(row["active"], row["failed"]) for row in rows}


def _count_jobs(batches: list[Batch]) -> dict[str, Any]:
    jobs = ProcessingJob.objects.filter(batch__in=batches)
    done = Q(state=JobState.COMPLETED)
    return jobs.aggregate(
        done=Count("pk", filter=done),
        failed=Count("pk", filter=Q(state=JobState.FAILED)),
        active=Count("pk", filter=Q(state__in=ACTIVE)),
        first=Min("started_at", filter=done),
        last=Max("finished_at", filter=done),
    )


def _seconds_left(jobs: dict[str, Any]) -> int | None:
    """From the rate measured in these batches, other albums' turns included; None until two photos are done."""
    done, active, first, last = jobs["done"], jobs["active"], jobs["first"], jobs["last"]
    if done < 2:
        return None
    rate: float = (last - first).total_seconds() / done
    idle = (timezone.now() - last).total_seconds()
    left: float = rate * active - min(idle, rate)
    return max(1, round(left))
