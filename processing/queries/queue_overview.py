"""An overview of the queue, for the jobs page and `manage.py queue_status`."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils import timezone

from albums.models import Album, Photo
from processing.capacity import admission
from processing.capacity.admission import CapacityProblem
from processing.jobs import workers
from processing.lib import row_counts
from processing.lib.row_counts import Count
from processing.models import Finding, ProcessingJob, Rerender, Upload, WorkerPulse
from processing.models.states import JobState, UploadState
from processing.queries.failure_scope import FailureScope

MAX_LISTED = 50
"""Rows of each list."""

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A running worker and its job."""

    registration: WorkerPulse
    job: ProcessingJob | None
    """The job that the worker is processing."""
    is_shown: bool
    """True if the user may see the job's album."""

    @property
    def name(self) -> str:
        return self.registration.name

    @property
    def is_draining(self) -> bool:
        """True if the worker finishes its job and claims no other."""
        return self.registration.drained_at is not None

    @property
    def is_drained(self) -> bool:
        return self.is_draining and self.job is None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "host": self.registration.host,
            "version": self.registration.version,
            "started_at": self.registration.started_at.isoformat(),
            "seen_at": self.registration.seen_at.isoformat(),
            "job": self.job.pk if self.job else None,
            "developed": self.registration.developed,
            "per_minute": self.registration.lately,
            "draining": self.is_draining,
        }


@dataclass(frozen=True, slots=True)
class Overview:
    jobs: dict[str, Count]
    uploads: dict[str, Count]
    photos: Count
    oldest_pending_seconds: int
    workers: list[WorkerStatus]
    active: list[ProcessingJob]
    failures: Count
    """The failed jobs that the failure page lists, unlike `jobs`: without codes that are no mishaps
    and without albums in the trash."""
    failed: list[ProcessingJob]
    """The newest of `failures`."""
    shortage: CapacityProblem | None
    """Why workers claim no jobs."""
    findings: list[Finding]
    """Stored files that are missing or damaged."""
    rerenders: Count
    """Photos that wait to be rendered again."""
    rerenders_failed: Count
    given_up: list[Rerender]
    """The newest failed rerenders."""

    @property
    def is_rerendering(self) -> bool:
        return bool(self.rerenders or self.rerenders_failed)

    def as_json(self) -> dict[str, object]:
        return {
            "jobs": self.jobs,
            "uploads": self.uploads,
            "photos": self.photos,
            "workers": len(self.workers),
            "oldest_pending_seconds": self.oldest_pending_seconds,
            "pressure": self.shortage.code if self.shortage else None,
            "rerender": {"waiting": self.rerenders, "failed": self.rerenders_failed},
            "worker_list": [worker.as_json() for worker in self.workers],
            "estimated": self._estimated(),
        }

    def _estimated(self) -> list[str]:
        """Returns the keys of the numbers that are estimates."""
        counts = {f"jobs.{state}": count for state, count in self.jobs.items()}
        counts |= {f"uploads.{state}": count for state, count in self.uploads.items()}
        counts |= {"photos": self.photos, "rerender.waiting": self.rerenders}
        return [name for name, count in counts.items() if not count.is_exact]


def build(albums: QuerySet[Album]) -> Overview:
    """Returns the overview of these albums. Workers are the same for all users."""
    jobs = _of_albums(albums, ProcessingJob.objects.all())
    listed = jobs.select_related("album")
    failures = FailureScope(albums.filter(trashed_at=None)).jobs
    uploads = _of_albums(albums, Upload.objects.all())
    rerenders = _of_albums(albums, Rerender.objects.all(), "photo__album")
    return Overview(
        jobs={state.value: row_counts.count(jobs.filter(state=state)) for state in JobState},
        uploads={state.value: row_counts.count(uploads.filter(state=state)) for state in UploadState},
        photos=row_counts.count(_of_albums(albums, Photo.objects.shown())),
        oldest_pending_seconds=jobs.oldest_pending_seconds(timezone.now()),
        workers=running_workers(albums),
        active=[*listed.in_work(), *listed.filter(state=JobState.PENDING).order_by("turn", "pk")[:MAX_LISTED]],
        failures=row_counts.count(failures),
        failed=list(failures.select_related("album").order_by("-finished_at")[:MAX_LISTED]),
        shortage=admission.for_worker(),
        findings=_findings(albums),
        rerenders=row_counts.count(rerenders.waiting()),
        rerenders_failed=row_counts.count(rerenders.given_up()),
        given_up=list(rerenders.given_up().select_related("photo").order_by("-pk")[:MAX_LISTED]),
    )


def _findings(albums: QuerySet[Album]) -> list[Finding]:
    is_in_albums = Q(photo__album__in=albums) | Q(companion__album__in=albums)
    return list(Finding.objects.filter(is_in_albums).select_related("photo", "companion")[:MAX_LISTED])


def _of_albums(albums: QuerySet[Album], rows: Rows, path: str = "album") -> Rows:
    """Returns the rows of these albums. Adds no condition if `albums` is unfiltered, which saves a lookup for each row."""
    return rows.filter(**{f"{path}__in": albums}) if albums.query.where else rows


def running_workers(albums: QuerySet[Album]) -> list[WorkerStatus]:
    """Returns the running workers by name. Only jobs of these albums are shown."""
    pulses = list(workers.running().order_by("name"))
    in_work = ProcessingJob.objects.in_work().filter(worker__in=[pulse.name for pulse in pulses])
    jobs = {job.worker: job for job in in_work.select_related("album")}
    visible_albums = set(albums.filter(pk__in={job.album_id for job in jobs.values()}).values_list("pk", flat=True))
    pairs = [(pulse, jobs.get(pulse.name)) for pulse in pulses]
    return [WorkerStatus(pulse, job, job is not None and job.album_id in visible_albums) for pulse, job in pairs]
