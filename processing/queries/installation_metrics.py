"""The installation's state for Prometheus: the same numbers from any web process, because they are read from the database.

Names and labels are stable; docs/metrics.md lists them.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from albums.models import Photo
from processing.jobs import workers
from processing.lib import row_counts
from processing.models import Finding, ProcessingJob, Rerender, Upload, WorkerPulse
from processing.models.states import JobState
from processing.statistics import durations, series
from processing.statistics.series import Histogram
from processing.storage import store

PREFIX = "darkroom_"


class InstallationCollector(Collector):
    """Reads everything when it is scraped, with a constant number of queries."""

    def collect(self) -> Iterator[Metric]:
        yield from _totals()
        yield from _queue()
        yield from _workers()
        yield from _storage()
        info = GaugeMetricFamily(f"{PREFIX}build_info", "Always 1; the version is a label.", labels=["version"])
        info.add_metric([settings.VERSION], 1)
        yield info


def _totals() -> Iterator[Metric]:
    totals = series.totals()
    yield _counter("uploads", "Uploads that ended, by state.", "state", totals.uploads)
    yield _counter("jobs", "Attempts and jobs that ended, by result.", "result", totals.jobs)
    yield _counter("job_failures", "Failed attempts, by error code.", "code", totals.failures)
    received = CounterMetricFamily(f"{PREFIX}received_bytes", "Bytes of received files.")
    received.add_metric([], totals.received_bytes)
    yield received
    yield _histogram("job_wait_seconds", "Time that due jobs waited for a worker.", totals.waiting)
    yield _histogram(
        "job_processing_seconds", "Time from the claim of a job to the end of the attempt.", totals.processing
    )


def _queue() -> Iterator[Metric]:
    jobs = ProcessingJob.objects
    depth = GaugeMetricFamily(f"{PREFIX}queue_jobs", "Jobs in each state that is not final.", labels=["state"])
    for state in (JobState.PENDING, JobState.PROCESSING, JobState.FAILED):
        depth.add_metric([state.value], row_counts.count(jobs.filter(state=state)))
    yield depth
    age = jobs.all().oldest_pending_seconds(timezone.now())
    yield _gauge("queue_oldest_job_seconds", "Age of the oldest pending job; 0 without any.", age)
    yield _gauge("uploads_receiving", "Uploads in progress.", row_counts.count(Upload.objects.receiving()))
    yield _gauge("rerenders_waiting", "Photos to be rendered again.", row_counts.count(Rerender.objects.waiting()))
    yield _gauge("photos", "Photos in albums.", row_counts.count(Photo.objects.shown()))
    yield _gauge("integrity_findings", "Stored files that are missing or damaged.", Finding.objects.count())


def _workers() -> Iterator[Metric]:
    running = workers.running()
    yield _gauge("workers", "Workers with a recent heartbeat.", running.count())
    yield _gauge("workers_draining", "Of these, workers that claim no jobs.", running.exclude(drained_at=None).count())
    if last := WorkerPulse.objects.aggregate(last=Max("seen_at"))["last"]:
        yield _gauge("worker_heartbeat_timestamp_seconds", "Unix time of the last heartbeat.", last.timestamp())


def _storage() -> Iterator[Metric]:
    is_available = store().is_available()
    yield _gauge("storage_available", "1 if files can be stored, else 0.", int(is_available and not store().problem()))
    if is_available and (free := store().free_bytes()) is not None:
        yield _gauge("storage_free_bytes", "Free bytes on the disk of DATA_DIR.", free)
    yield _gauge("storage_min_free_bytes", "Below this, uploads are rejected.", settings.MIN_FREE_BYTES)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", text, value=value)


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{PREFIX}{name}", text, labels=[label])
    for key, count in sorted(values.items()):
        family.add_metric([key], count)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    buckets, below = [], 0
    for bound, count in zip((*map(str, durations.BOUNDS_SECONDS), "+Inf"), histogram.counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(f"{PREFIX}{name}", text, buckets=buckets, sum_value=histogram.sum_seconds)
