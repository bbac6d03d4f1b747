"""Reads counters for charts: points of equal spans of time, oldest first, and totals over all of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Sum

from processing.models import Rollup
from processing.models.statistics import RollupSpan, Statistic
from processing.statistics import durations


class Period(Enum):
    """A period of charts: its key in URLs, its length, the seconds between two points, and Django's format of its first time."""

    HOUR = ("hour", timedelta(hours=1), 60, "H:i")
    DAY = ("day", timedelta(days=1), 900, "D H:i")
    MONTH = ("month", timedelta(days=30), 6 * 3600, "j M")

    def __init__(self, key: str, length: timedelta, step_seconds: int, date_format: str) -> None:
        self.key = key
        self.length = length
        self.step_seconds = step_seconds
        self.date_format = date_format

    @classmethod
    def of(cls, key: str) -> "Period":
        """Returns the period with this key, or the hour."""
        return next((period for period in cls if period.key == key), cls.HOUR)


@dataclass(slots=True)
class TimeStep:
    """The counters of one step of a period."""

    start: datetime
    jobs: Counter[str] = field(default_factory=Counter)
    """Ended attempts by result."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed attempts by error code."""
    uploads: int = 0
    received_bytes: int = 0
    waiting: list[int] = field(default_factory=lambda: [0] * durations.BUCKETS)
    processing: list[int] = field(default_factory=lambda: [0] * durations.BUCKETS)
    samples: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Number and sum of the samples of the queue, by label."""
    versions: set[str] = field(default_factory=set)
    """Versions of the workers."""

    def sample(self, label: str) -> float | None:
        """The mean of the samples; None if the queue was not sampled, because no worker was running."""
        count, total = self.samples.get(label, (0, 0))
        return total / count if count else None


@dataclass(frozen=True, slots=True)
class Series:
    period: Period
    points: tuple[TimeStep, ...]

    @property
    def failures(self) -> list[tuple[str, int]]:
        """Error codes with the number of their failed attempts, most first."""
        return sum((point.failures for point in self.points), Counter[str]()).most_common()

    @property
    def jobs(self) -> Counter[str]:
        return sum((point.jobs for point in self.points), Counter[str]())

    @property
    def received_bytes(self) -> int:
        return sum(point.received_bytes for point in self.points)

    def quantile(self, statistic: Statistic, share: float) -> float | None:
        """The quantile of a duration in the whole period, in seconds."""
        columns = (point.waiting if statistic == Statistic.WAITING else point.processing for point in self.points)
        return durations.quantile([sum(counts) for counts in zip(*columns, strict=True)], share)


def read(period: Period, now: datetime) -> Series:
    """Returns the counters of the period that ends at `now`, in one query. The last point is not complete yet."""
    step = period.step_seconds
    end = int(now.timestamp()) // step + 1
    starts = range(end - int(period.length.total_seconds()) // step, end)
    points = {index: TimeStep(datetime.fromtimestamp(index * step, tz=now.tzinfo)) for index in starts}
    since = points[starts[0]].start
    for start, name, label, bucket, count, total in _counters(since):
        if point := points.get(int(start.timestamp()) // step):
            _add(point, name, label, bucket, count, total)
    return Series(period, tuple(points.values()))


def _counters(since: datetime) -> Iterator[tuple[datetime, str, str, int, int, int]]:
    """Yields start, name, label, bucket, count and total, summed over all processes."""
    rows = Rollup.objects.filter(
        span__in=(RollupSpan.MINUTE, RollupSpan.HOUR), name__in=list(Statistic), start__gte=since
    )
    sums = rows.values("start", "name", "label", "bucket").annotate(counts=Sum("count"), totals=Sum("total"))
    yield from sums.values_list("start", "name", "label", "bucket", "counts", "totals").iterator()


def _add(point: TimeStep, name: str, label: str, bucket: int, count: int, total: int) -> None:
    match name:
        case Statistic.JOBS:
            point.jobs[label] += count
        case Statistic.FAILURES:
            point.failures[label] += count
        case Statistic.UPLOADS:
            point.uploads += count
            point.received_bytes += total
        case Statistic.WAITING:
            point.waiting[min(bucket, durations.BUCKETS - 1)] += count
        case Statistic.PROCESSING:
            point.processing[min(bucket, durations.BUCKETS - 1)] += count
        case Statistic.VERSIONS:
            point.versions.add(label)
        case Statistic.QUEUE:
            before = point.samples.get(label, (0, 0))
            point.samples[label] = (before[0] + count, before[1] + total)


@dataclass(frozen=True, slots=True)
class Histogram:
    counts: list[int]
    """One per bucket of `durations`."""
    sum_seconds: float


@dataclass(frozen=True, slots=True)
class LifetimeTotals:
    """Counters since the installation. They never decrease."""

    jobs: dict[str, int]
    failures: dict[str, int]
    uploads: dict[str, int]
    received_bytes: int
    waiting: Histogram
    processing: Histogram


def totals() -> LifetimeTotals:
    """Returns all counters since the installation, in one query."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sums: Counter[str] = Counter()
    buckets: dict[str, list[int]] = defaultdict(lambda: [0] * durations.BUCKETS)
    for name, label, bucket, count, total in _since_installation():
        counts[name][label] += count
        sums[name] += total
        buckets[name][min(bucket, durations.BUCKETS - 1)] += count
    return LifetimeTotals(
        dict(counts[Statistic.JOBS]),
        dict(counts[Statistic.FAILURES]),
        dict(counts[Statistic.UPLOADS]),
        sums[Statistic.UPLOADS],
        *(Histogram(buckets[name], sums[name] / 1000) for name in (Statistic.WAITING, Statistic.PROCESSING)),
    )


def _since_installation() -> Iterator[tuple[str, str, int, int, int]]:
    rows = Rollup.objects.filter(span=RollupSpan.EVER)
    yield from rows.values_list("name", "label", "bucket", "count", "total").iterator()
