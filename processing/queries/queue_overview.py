"""The whole queue at a glance: for the jobs page and `manage.py queue_status`."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils import timezone

from albums.models import Album, Photo
from processing.capacity import admission
from processing.capacity.admission import Shortage
from processing.lib import row_counts
from processing.lib.row_counts import Count
from processing.models import Finding, ProcessingJob, Rerender, Upload
from processing.models.states import JobState, UploadState
from processing.queries import crew
from processing.queries.crew import Worker

LISTED = 50

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True, slots=True)
class Overview:
    jobs: dict[str, Count]
    uploads: dict[str, Count]
    photos: Count
    oldest_pending_seconds: int
    workers: list[Worker]
    active: list[ProcessingJob]
    failed: list[ProcessingJob]
    shortage: Shortage | None
    """Why workers wait."""
    findings: list[Finding]
    """Stored files that are missing or damaged."""
    rerenders: Count
    """Photos whose renditions are to be made again."""
    rerenders_failed: Count
    given_up: list[Rerender]
    """Of those, the newest."""

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
        """The keys of numbers that are about right."""
        counts = {f"jobs.{state}": count for state, count in self.jobs.items()}
        counts |= {f"uploads.{state}": count for state, count in self.uploads.items()}
        counts |= {"photos": self.photos, "rerender.waiting": self.rerenders}
        return [name for name, count in counts.items() if not count.is_exact]


def of(albums: QuerySet[Album]) -> Overview:
    """Of these albums; the workers are everybody's."""
    jobs = _in(albums, ProcessingJob.objects.all())
    listed = jobs.select_related("album")
    uploads = _in(albums, Upload.objects.all())
    rerenders = _in(albums, Rerender.objects.all(), "photo__album")
    return Overview(
        jobs={state.value: row_counts.of(jobs.filter(state=state)) for state in JobState},
        uploads={state.value: row_counts.of(uploads.filter(state=state)) for state in UploadState},
        photos=row_counts.of(_in(albums, Photo.objects.shown())),
        oldest_pending_seconds=_oldest_pending(jobs),
        workers=crew.alive(albums),
        active=[*listed.in_work(), *listed.filter(state=JobState.PENDING).order_by("turn", "pk")[:LISTED]],
        failed=list(listed.failed().order_by("-finished_at")[:LISTED]),
        shortage=admission.of_work(),
        findings=_findings(albums),
        rerenders=row_counts.of(rerenders.waiting()),
        rerenders_failed=row_counts.of(rerenders.given_up()),
        given_up=list(rerenders.given_up().select_related("photo").order_by("-pk")[:LISTED]),
    )


def _findings(albums: QuerySet[Album]) -> list[Finding]:
    theirs = Q(photo__album__in=albums) | Q(companion__album__in=albums)
    return list(Finding.objects.filter(theirs).select_related("photo", "companion")[:LISTED])


def _in(albums: QuerySet[Album], rows: Rows, path: str = "album") -> Rows:
    """The rows of these albums. Where all of them are meant, none need be looked up for each row."""
    return rows.filter(**{f"{path}__in": albums}) if albums.query.where else rows


def _oldest_pending(jobs: QuerySet[ProcessingJob]) -> int:
    oldest = jobs.filter(state=JobState.PENDING).order_by("created_at").values_list("created_at", flat=True).first()
    return int((timezone.now() - oldest).total_seconds()) if oldest else 0
