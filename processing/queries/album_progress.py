"""The progress and the badges of albums, from a number of queries that does not depend on the size of a batch."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from albums.models import Album
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import ACTIVE, IS_A_PHOTO, JobState, UploadState

RATE_SECONDS = 60
"""The window for the rate at which files arrive. An earlier pause does not affect the remaining time."""
MIN_ESTIMATE_SECONDS = 5
"""The age of a batch from which on the remaining time is estimated: its first seconds are not typical."""
QUIET_SECONDS = 60
"""After this time without any bytes, the panel says when the missing files will expire."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The work in an album at the moment: how many files have arrived, and how many are processed. All zero if none."""

    total: int = 0
    """The number of files, without rejected and cancelled ones."""
    done: int = 0
    failed: int = 0
    active: int = 0
    receiving: int = 0
    uploaded: int = 0
    """The number of files that have arrived. Together with `receiving` it is the total."""
    bytes_total: int = 0
    """The sum of all known sizes, of files received or on their way."""
    bytes_arrived: int = 0
    is_measured: bool = True
    """True if all sizes are known. A plain form does not declare them."""
    quiet_seconds: int = 0
    """Seconds since the last bytes arrived, while a file is expected."""
    expires_in: int | None = None
    """Seconds until the next missing file expires; None when no file is missing."""
    batch: int | None = None
    """The id of the batch, for a link to its page; of several, the id of the first."""
    since: datetime | None = None
    seconds_left: int | None = None
    current: str = ""
    opener: str = ""

    @property
    def is_busy(self) -> bool:
        return bool(self.active or self.receiving)

    @property
    def is_receiving(self) -> bool:
        return bool(self.receiving)

    @property
    def processed(self) -> int:
        return self.done + self.failed

    @property
    def upload_percent(self) -> int:
        """The share of the bytes that have arrived. Below 100 while a file is expected."""
        return _percent(self.bytes_arrived, self.bytes_total, is_over=not self.is_receiving)

    @property
    def percent(self) -> int:
        """The share of the files that are processed. Below 100 while the album is busy."""
        return _percent(self.processed, self.total, is_over=not self.is_busy)

    @property
    def is_quiet(self) -> bool:
        return self.is_receiving and self.quiet_seconds >= min(QUIET_SECONDS, settings.UPLOAD_EXPIRY_SECONDS / 4)


@dataclass(frozen=True, slots=True)
class Badge:
    """The numbers shown with an album in the list of albums."""

    active: int
    failed: int


def build(album: Album) -> Progress:
    """Returns the progress of the album's active batches."""
    batches = list(Batch.objects.active(album).select_related("opened_by"))
    if not batches:
        return Progress()
    now = timezone.now()
    # Uploads before jobs: a file whose upload ends between the two queries is then counted by one of them at least, and the
    # album does not look finished.
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
        opener=opener.get_username() if opener else "",
        receiving=uploads["receiving"],
        uploaded=uploads["received"] - jobs["cancelled"],
    )


def badges(albums: list[Album]) -> dict[int, Badge]:
    """Returns badges by album id, for albums that have active or failed jobs. Duplicates do not count as failed."""
    rows = (
        ProcessingJob.objects.filter(album__in=albums, state__in=(*ACTIVE, JobState.FAILED))
        .values("album")
        .annotate(
            active=Count("pk", filter=Q(state__in=ACTIVE)),
            failed=Count("pk", filter=Q(state=JobState.FAILED) & ~Q(error_code__in=IS_A_PHOTO)),
        )
        .order_by()
    )
    return {row["album"]: Badge(row["active"], row["failed"]) for row in rows}


def _percent(part: int, whole: int, *, is_over: bool) -> int:
    return min(100 if is_over else 99, 100 * part // whole) if whole else 0


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
    is_recent = Q(ended_at__gt=now - timedelta(seconds=RATE_SECONDS))
    return Upload.objects.filter(batch__in=batches).aggregate(
        receiving=Count("pk", filter=receiving),
        received=Count("pk", filter=received),
        of_unknown_size=Count("pk", filter=receiving & Q(size=None)),
        bytes_received=Sum("size", filter=received, default=0),
        bytes_expected=Sum("size", filter=receiving, default=0),
        bytes_on_their_way=Sum("arrived", filter=receiving & Q(arrived__lte=F("size")), default=0),
        bytes_just_received=Sum("size", filter=received & is_recent, default=0),
        next_expiry=Min("expires_at", filter=receiving),
        last_expiry=Max("expires_at", filter=receiving),
    )


def _quiet_seconds(uploads: dict[str, Any], now: datetime) -> int:
    """Returns the seconds since the last bytes arrived, computed from the expiry: all bytes that arrive extend it."""
    if not uploads["last_expiry"]:
        return 0
    last_arrival = uploads["last_expiry"] - timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)
    return max(0, int((now - last_arrival).total_seconds()))


def _seconds_left(jobs: dict[str, Any], uploads: dict[str, Any], now: datetime, opened_at: datetime) -> int | None:
    """Returns the larger of the times left for receiving and developing, which run in parallel. None if either is unknown."""
    if (now - opened_at).total_seconds() < MIN_ESTIMATE_SECONDS:
        return None
    developing_seconds = _developing_seconds(jobs, uploads["receiving"], now)
    if not uploads["receiving"]:
        return developing_seconds
    arriving_seconds = _arriving_seconds(uploads, now, opened_at)
    if developing_seconds is None or arriving_seconds is None:
        return None
    return max(developing_seconds, arriving_seconds)


def _developing_seconds(jobs: dict[str, Any], expected: int, now: datetime) -> int | None:
    """Returns an estimate from the rate of these batches, including the turns of other albums. None until two photos are done."""
    done, active, first, last = jobs["done"], jobs["active"], jobs["first"], jobs["last"]
    if done < 2:
        return None
    seconds_per_photo: float = (last - first).total_seconds() / done
    idle_seconds = (now - last).total_seconds()
    seconds_left: float = seconds_per_photo * (active + expected) - min(idle_seconds, seconds_per_photo)
    return max(1, round(seconds_left))


def _arriving_seconds(uploads: dict[str, Any], now: datetime, opened_at: datetime) -> int | None:
    """Returns an estimate from the files of the last minute; if there are none, from all bytes of the batch so far."""
    if uploads["of_unknown_size"] or _quiet_seconds(uploads, now) >= QUIET_SECONDS / 2:
        return None
    age_seconds = max(1.0, (now - opened_at).total_seconds())
    bytes_per_second: float = uploads["bytes_just_received"] / min(RATE_SECONDS, age_seconds)
    bytes_per_second = bytes_per_second or (uploads["bytes_received"] + uploads["bytes_on_their_way"]) / age_seconds
    if not bytes_per_second:
        return None
    seconds_left: float = (uploads["bytes_expected"] - uploads["bytes_on_their_way"]) / bytes_per_second
    return max(1, round(seconds_left))
