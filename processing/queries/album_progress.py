"""The read side: frozen summaries for pages. However large a batch is, a panel costs the same few queries."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from albums.models import Album
from processing.jobs import grouping
from processing.models import Batch, ProcessingJob, Upload, UploadQuerySet
from processing.models.states import ACTIVE, ENDED_BADLY, JobState, UploadState

LISTED = 100
"""Failures and refusals shown by name; more are counted."""
RATE_SECONDS = 60
"""The rate at which files arrive is that of the last minute: a pause before it says nothing of the time that is left."""
GUESS_AFTER_SECONDS = 5
"""The first seconds of a batch say little of the time that the others take."""
QUIET_SECONDS = 60
"""When nothing has arrived for so long, whoever watches should know what will become of it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is going on in an album now. All zero when nothing is."""

    total: int = 0
    done: int = 0
    failed: int = 0
    active: int = 0
    receiving: int = 0
    received: int = 0
    refused: int = 0
    bytes_total: int = 0
    """Of all files taken or on their way, as far as their sizes are known."""
    bytes_arrived: int = 0
    is_measured: bool = True
    """Are all sizes known? A plain form does not tell them."""
    quiet_seconds: int = 0
    """For how long nothing has arrived, though something should."""
    expires_in: int | None = None
    """Seconds until what is missing is given up; None when nothing is."""
    batch: int | None = None
    """Its id, for the way to its page; of several, the one that came first."""
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
        """Of receiving and developing together, each as one half. Never 100 while work is left."""
        if not self.total:
            return 0
        arrived = self.bytes_arrived / self.bytes_total if self.is_receiving and self.bytes_total else 1.0
        share = (arrived + self.settled / self.total) / 2 if self.is_measured else self.settled / self.total
        return min(99 if self.is_busy else 100, int(100 * share))

    @property
    def is_quiet(self) -> bool:
        return self.is_receiving and self.quiet_seconds >= min(QUIET_SECONDS, settings.UPLOAD_EXPIRY_SECONDS / 4)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the batches whose report nobody has put away yet."""

    added: int = 0
    kept: int = 0
    """Beside photos, or shown as one with them."""
    failed_count: int = 0
    refused_count: int = 0
    failed: list[ProcessingJob] = field(default_factory=list)
    refused: list[Upload] = field(default_factory=list)
    companions: int = 0
    """Skipped, since they hold no picture of their own."""
    skipped_count: int = 0
    skipped: list[Upload] = field(default_factory=list)
    """What lay in a folder and was not taken: no failure, but not stored either."""
    noted: list[Upload] = field(default_factory=list)
    first_batch: int | None = None
    last_batch: int | None = None

    @property
    def batch(self) -> int | None:
        """The one whose receipt says more; None when it is about several."""
        return self.first_batch if self.first_batch == self.last_batch else None

    @property
    def is_there(self) -> bool:
        return bool(self.added or self.kept or self.failed_count or self.refused_count or self.not_sent)

    @property
    def not_sent(self) -> int:
        return self.companions + self.skipped_count

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
    now = timezone.now()
    # In this order: a file that is received meanwhile is not in neither, as if all were done. The first counts them all.
    uploads = _count_uploads(batches, now)
    jobs = _count_jobs(batches)
    current = ProcessingJob.objects.in_work().filter(album=album).values_list("original_filename", flat=True).first()
    opener = batches[0].opened_by
    return Progress(
        total=uploads["receiving"] + uploads["received"] - jobs["cancelled"],
        done=jobs["done"],
        failed=jobs["failed"],
        active=jobs["active"],
        batch=batches[0].pk,
        since=batches[0].opened_at,
        seconds_left=_seconds_left(jobs, uploads, now, batches[0].opened_at),
        bytes_total=uploads["bytes_received"] + uploads["bytes_expected"],
        bytes_arrived=uploads["bytes_received"] + uploads["bytes_on_their_way"],
        is_measured=not uploads["of_unknown_size"],
        quiet_seconds=_quiet_seconds(uploads, now),
        expires_in=max(0, int((uploads["next_expiry"] - now).total_seconds())) if uploads["next_expiry"] else None,
        current=current or "",
        by=opener.get_username() if opener else "",
        **{name: uploads[name] for name in ("receiving", "received", "refused")},
    )


def report(album: Album) -> Report:
    batches = Batch.objects.filter(album=album, dismissed_at=None)
    failed = ProcessingJob.objects.failed().filter(album=album).order_by("pk")
    uploads = Upload.objects.filter(batch__in=batches)
    skipped = Q(state=UploadState.SKIPPED) & ~grouping.IS_SKIPPED_COMPANION
    counts = uploads.aggregate(
        added=Count("pk", filter=grouping.IS_A_PICTURE),
        kept=Count("pk", filter=grouping.IS_KEPT),
        refused_count=Count("pk", filter=Q(state__in=ENDED_BADLY, dismissed_at=None)),
        companions=Count("pk", filter=grouping.IS_SKIPPED_COMPANION),
        skipped_count=Count("pk", filter=skipped),
        first_batch=Min("batch"),
        last_batch=Max("batch"),
    )
    return Report(
        failed=list(failed[:LISTED]),
        failed_count=failed.count(),
        refused=list(uploads.ended_badly().select_related("duplicate_of")[:LISTED]),
        noted=_noted(uploads),
        skipped=list(uploads.filter(skipped)[:LISTED]) if counts["skipped_count"] else [],
        **counts,
    )


def _noted(uploads: UploadQuerySet) -> list[Upload]:
    is_alone = Q(job__companion__isnull=False, job__companion__photo=None)
    noted = list(
        uploads.filter(~Q(note="") | is_alone, state=UploadState.RECEIVED).annotate(is_alone=is_alone)[:LISTED]
    )
    for upload in noted:
        if upload.is_alone:  # type: ignore[attr-defined]
            upload.note = grouping.note(upload.note, is_alone=True)
    return noted


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
        cancelled=Count("pk", filter=Q(state=JobState.CANCELLED)),
        first=Min("started_at", filter=done),
        last=Max("finished_at", filter=done),
    )


def _count_uploads(batches: list[Batch], now: datetime) -> dict[str, Any]:
    receiving, received = Q(state=UploadState.RECEIVING), Q(state=UploadState.RECEIVED)
    just_now = Q(ended_at__gt=now - timedelta(seconds=RATE_SECONDS))
    return Upload.objects.filter(batch__in=batches).aggregate(
        receiving=Count("pk", filter=receiving),
        received=Count("pk", filter=received),
        refused=Count("pk", filter=Q(state__in=ENDED_BADLY)),
        of_unknown_size=Count("pk", filter=receiving & Q(size=None)),
        bytes_received=Sum("size", filter=received, default=0),
        bytes_expected=Sum("size", filter=receiving, default=0),
        bytes_on_their_way=Sum("arrived", filter=receiving & Q(arrived__lte=F("size")), default=0),
        bytes_just_received=Sum("size", filter=received & just_now, default=0),
        next_expiry=Min("expires_at", filter=receiving),
        last_expiry=Max("expires_at", filter=receiving),
    )


def _quiet_seconds(uploads: dict[str, Any], now: datetime) -> int:
    """Whatever arrives puts the expiry off, so the expiry tells when something came last."""
    if not uploads["last_expiry"]:
        return 0
    came_last = uploads["last_expiry"] - timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)
    return max(0, int((now - came_last).total_seconds()))


def _seconds_left(jobs: dict[str, Any], uploads: dict[str, Any], now: datetime, opened_at: datetime) -> int | None:
    """Files are received while others are developed: the slower of the two decides. None while either cannot be told."""
    if (now - opened_at).total_seconds() < GUESS_AFTER_SECONDS:
        return None
    developing = _developing_seconds(jobs, uploads["receiving"], now)
    if not uploads["receiving"]:
        return developing
    arriving = _arriving_seconds(uploads, now, opened_at)
    return None if developing is None or arriving is None else max(developing, arriving)


def _developing_seconds(jobs: dict[str, Any], to_come: int, now: datetime) -> int | None:
    """From the rate measured in these batches, other albums' turns included; None until two photos are done."""
    done, active, first, last = jobs["done"], jobs["active"], jobs["first"], jobs["last"]
    if done < 2:
        return None
    rate: float = (last - first).total_seconds() / done
    idle = (now - last).total_seconds()
    left: float = rate * (active + to_come) - min(idle, rate)
    return max(1, round(left))


def _arriving_seconds(uploads: dict[str, Any], now: datetime, opened_at: datetime) -> int | None:
    """From the files that ended in the last minute; of one so large that none did, from all that arrived of the batch."""
    if uploads["of_unknown_size"] or _quiet_seconds(uploads, now) >= QUIET_SECONDS / 2:
        return None
    since_opened = max(1.0, (now - opened_at).total_seconds())
    rate: float = uploads["bytes_just_received"] / min(RATE_SECONDS, since_opened)
    rate = rate or (uploads["bytes_received"] + uploads["bytes_on_their_way"]) / since_opened
    if not rate:
        return None
    left: float = (uploads["bytes_expected"] - uploads["bytes_on_their_way"]) / rate
    return max(1, round(left))
