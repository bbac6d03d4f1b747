"""The workers as people and programs see them: who they are, and what each is doing."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from albums.models import Album
from processing.jobs import workers
from processing.models import ProcessingJob, WorkerPulse


@dataclass(frozen=True, slots=True)
class Worker:
    pulse: WorkerPulse
    job: ProcessingJob | None
    """What it has in work."""
    is_shown: bool
    """May the person see what that is?"""

    @property
    def name(self) -> str:
        return self.pulse.name

    @property
    def is_draining(self) -> bool:
        """It was asked to end what it has in work, and takes nothing more."""
        return self.pulse.drained_at is not None

    @property
    def is_drained(self) -> bool:
        return self.is_draining and self.job is None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "host": self.pulse.host,
            "version": self.pulse.version,
            "started_at": self.pulse.started_at.isoformat(),
            "seen_at": self.pulse.seen_at.isoformat(),
            "job": self.job.pk if self.job else None,
            "developed": self.pulse.developed,
            "per_minute": self.pulse.lately,
            "draining": self.is_draining,
        }


def alive(albums: QuerySet[Album]) -> list[Worker]:
    """In the order of their names. What they have in work is shown of these albums alone."""
    pulses = list(workers.alive().order_by("name"))
    in_work = ProcessingJob.objects.in_work().filter(worker__in=[each.name for each in pulses])
    jobs = {job.worker: job for job in in_work.select_related("album")}
    shown = set(albums.filter(pk__in={job.album_id for job in jobs.values()}).values_list("pk", flat=True))
    found = [(each, jobs.get(each.name)) for each in pulses]
    return [Worker(each, job, job is not None and job.album_id in shown) for each, job in found]
