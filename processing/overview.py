"""The whole queue at a glance: for the jobs page and `manage.py queue_status`."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from albums.models import Album, Photo
from processing import pressure, pulse
from processing.models import Finding, ProcessingJob, Upload, WorkerPulse
from processing.pressure import Shortage
from processing.states import JobState, UploadState

LISTED = 50


@dataclass(frozen=True, slots=True)
class Overview:
    jobs: dict[str, int]
    uploads: dict[str, int]
    photos: int
    oldest_pending_seconds: int
    workers: list[WorkerPulse]
    active: list[ProcessingJob]
    failed: list[ProcessingJob]
    shortage: Shortage | None
    """Why workers wait."""
    findings: list[Finding]
    """Stored files that are missing or damaged."""

    def as_json(self) -> dict[str, object]:
        return {
            "jobs": self.jobs,
            "uploads": self.uploads,
            "photos": self.photos,
            "workers": len(self.workers),
            "oldest_pending_seconds": self.oldest_pending_seconds,
            "pressure": self.shortage.code if self.shortage else None,
        }


def of(albums: QuerySet[Album]) -> Overview:
    """Of these albums; the workers are everybody's."""
    jobs = ProcessingJob.objects.filter(album__in=albums)
    listed = jobs.select_related("album")
    return Overview(
        jobs=_by_state(jobs, list(JobState)),
        uploads=_by_state(Upload.objects.filter(album__in=albums), list(UploadState)),
        photos=Photo.objects.shown().filter(album__in=albums).count(),
        oldest_pending_seconds=_oldest_pending(jobs),
        workers=list(pulse.alive().order_by("name")),
        active=[*listed.in_work(), *listed.filter(state=JobState.PENDING).order_by("turn", "pk")[:LISTED]],
        failed=list(listed.failed().order_by("-finished_at")[:LISTED]),
        shortage=pressure.of_work(),
        findings=_findings(albums),
    )


def _findings(albums: QuerySet[Album]) -> list[Finding]:
    theirs = Q(photo__album__in=albums) | Q(companion__album__in=albums)
    return list(Finding.objects.filter(theirs).select_related("photo", "companion")[:LISTED])


def _by_state(
    rows: QuerySet[ProcessingJob] | QuerySet[Upload], states: list[JobState] | list[UploadState]
) -> dict[str, int]:
    counted = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in states}


def _oldest_pending(jobs: QuerySet[ProcessingJob]) -> int:
    oldest = jobs.filter(state=JobState.PENDING).order_by("created_at").values_list("created_at", flat=True).first()
    return int((timezone.now() - oldest).total_seconds()) if oldest else 0
