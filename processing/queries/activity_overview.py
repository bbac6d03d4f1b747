"""The overview of Activity: whether everything is fine, and charts of the last hour, day or month."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import pluralize
from django.utils import timezone

from processing.capacity import admission
from processing.jobs import workers
from processing.lib import row_counts
from processing.models import Finding, ProcessingJob
from processing.models.states import IS_A_PHOTO, JobState
from processing.models.statistics import Statistic
from processing.statistics import charts, durations, series
from processing.statistics.charts import Chart, Values
from processing.statistics.series import Period, Series, TimeStep
from processing.storage import store

STALLED_AFTER = timedelta(minutes=10)
"""A due job that has waited for so long, while workers run, is a fault."""


@dataclass(frozen=True, slots=True)
class Status:
    """What prevents photos from being processed, or that nothing does. `code` is stable; `state` is success, warn or bad."""

    code: str
    state: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failed attempts with one error code, and their share of the most frequent code's in percent."""

    code: str
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class Marker:
    """A change of the version: the x coordinate in charts."""

    x: float
    version: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One point of the charts, for the table."""

    start: datetime
    figures: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    period: Period
    status: tuple[Status, ...]
    """Faults, the most serious first; or one entry that says that everything is fine."""
    charts: tuple[Chart, ...]
    reasons: tuple[FailureCount, ...]
    markers: tuple[Marker, ...]
    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]
    completed: int
    failed: int
    received_bytes: int
    wait_seconds: float | None
    """The median time that jobs waited for a worker in the period; None without jobs."""
    processing_seconds: float | None

    @property
    def periods(self) -> tuple[Period, ...]:
        return tuple(Period)


MEASURES: tuple[tuple[str, str, str, tuple[tuple[str, str, Callable[[TimeStep, float], float | None]], ...]], ...] = (
    (
        "photos",
        "Photos per minute",
        "",
        (
            ("processed", "good", lambda point, minutes: point.jobs["completed"] / minutes),
            ("failed", "bad", lambda point, minutes: point.jobs["failed"] / minutes),
        ),
    ),
    ("queue", "Queue", "", (("jobs", "busy", lambda point, _: point.sample("pending")),)),
    ("oldest", "Oldest job", "s", (("age", "busy", lambda point, _: point.sample("oldest_seconds")),)),
    (
        "waiting",
        "Waiting for a worker",
        "s",
        (
            ("p50", "busy", lambda point, _: durations.quantile(point.waiting, 0.5)),
            ("p95", "warn", lambda point, _: durations.quantile(point.waiting, 0.95)),
        ),
    ),
    (
        "processing",
        "Processing",
        "s",
        (
            ("p50", "busy", lambda point, _: durations.quantile(point.processing, 0.5)),
            ("p95", "warn", lambda point, _: durations.quantile(point.processing, 0.95)),
        ),
    ),
    ("received", "Received", "MB/min", (("MB", "good", lambda point, minutes: point.received_bytes / 1e6 / minutes),)),
)
"""Each chart's key, title, unit and lines. A line has a name, a colour, and a function of a time step and its minutes."""


def build(period: Period) -> Activity:
    """Returns the overview, with a number of queries that depends on nothing."""
    now = timezone.now()
    measured = series.read(period, now)
    minutes = period.step_seconds / 60
    columns: list[str] = []
    values: list[Values] = []
    drawn = []
    for key, title, unit, lines in MEASURES:
        own = [(name, colour, [value(point, minutes) for point in measured.points]) for name, colour, value in lines]
        drawn.append(charts.draw(key, title, unit, own))
        for name, _, line in own:
            columns.append(f"{title}, {name}" + (f" ({unit})" if unit else ""))
            values.append(line)
    jobs = measured.jobs
    return Activity(
        period=period,
        status=status(now),
        charts=tuple(drawn),
        reasons=_reasons(measured),
        markers=_markers(measured),
        columns=tuple(columns),
        rows=tuple(FigureRow(point.start, figures) for point, *figures in zip(measured.points, *values, strict=True)),  # type: ignore[arg-type]
        completed=jobs["completed"],
        failed=jobs["failed"],
        received_bytes=measured.received_bytes,
        wait_seconds=measured.quantile(Statistic.WAITING, 0.5),
        processing_seconds=measured.quantile(Statistic.PROCESSING, 0.5),
    )


def status(now: datetime) -> tuple[Status, ...]:
    """Returns every fault of the installation, the most serious first; one entry with the code "fine" if there is none."""
    found = [fault for check in (_storage, _shortage, _workers, _queue, _findings, _failures) if (fault := check(now))]
    return tuple(found) or (Status("fine", "success", "Everything is fine."),)


def _storage(_: datetime) -> Status | None:
    if not store().is_available():
        return Status(
            admission.STORAGE.code, "bad", admission.STORAGE.worker_message, "Mount the file system of DATA_DIR."
        )
    if problem := store().problem():
        return Status(problem.code, "bad", problem.message, "Open Settings, Storage.")
    return None


def _shortage(_: datetime) -> Status | None:
    if not store().is_available():
        return None
    if admission.disk_is_full():
        return Status(
            admission.DISK.code, "bad", "The disk is nearly full; uploads are rejected.", "Free up disk space."
        )
    if admission.memory_is_short():
        return Status(
            admission.MEMORY.code, "bad", admission.MEMORY.worker_message, "Stop other programs, or add memory."
        )
    return None


def _workers(_: datetime) -> Status | None:
    running = workers.running()
    drained = list(running.values_list("drained_at", flat=True))
    if not drained:
        message = "No worker is running. Uploads are kept and processed once a worker starts."
        return Status("no-worker", "bad", message, "Run manage.py run_huey.")
    if all(drained):
        return Status("all-paused", "warn", "All workers are paused.", "Resume one on the jobs page.")
    return None


def _queue(now: datetime) -> Status | None:
    """A due job waits although workers run."""
    due = ProcessingJob.objects.filter(state=JobState.PENDING, created_at__lt=now - STALLED_AFTER, run_after__lte=now)
    is_moving = ProcessingJob.objects.filter(state=JobState.COMPLETED, finished_at__gt=now - STALLED_AFTER).exists()
    if is_moving or not due.exists():
        return None
    message = f"Jobs are waiting, and none was completed in the last {STALLED_AFTER.seconds // 60} minutes."
    return Status("stalled", "bad", message, "Read the workers' log.")


def _findings(_: datetime) -> Status | None:
    count = Finding.objects.count()
    if not count:
        return None
    message = f"{count} stored file{pluralize(count)} {pluralize(count, 'is,are')} missing or damaged."
    return Status("damaged-files", "bad", message, "Run manage.py verify --repair.")


def _failures(now: datetime) -> Status | None:
    failed = ProcessingJob.objects.failed().exclude(error_code__in=IS_A_PHOTO)
    count = row_counts.count(failed.filter(finished_at__gt=now - timedelta(hours=1)))
    if not count:
        return None
    return Status("failures", "warn", f"{count.text} file{pluralize(count)} failed in the last hour.", "Open Problems.")


def _reasons(measured: Series) -> tuple[FailureCount, ...]:
    failures = measured.failures[:10]
    return tuple(FailureCount(code, count, round(100 * count / failures[0][1])) for code, count in failures)


def _markers(measured: Series) -> tuple[Marker, ...]:
    """A version that no earlier point of the period has. The first version in the period is no change."""
    markers: list[Marker] = []
    known: set[str] = set()
    for index, point in enumerate(measured.points):
        new = sorted(point.versions - known)
        if known:
            markers += [Marker(charts.position(index, len(measured.points)), version) for version in new]
        known.update(new)
    return tuple(markers)
