"""`manage.py queue_status`: an overview of the queue."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand

from albums.models import Album
from processing.lib.row_counts import Count
from processing.management import SETTINGS_ONLY
from processing.queries import queue_overview
from processing.queries.queue_overview import Overview, WorkerStatus


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = "Show the number of jobs, uploads, photos and workers, and how long the oldest job has been queued."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        queue = queue_overview.build(Album.objects.all())
        self.stdout.write(json.dumps(queue.as_json()) if options["json"] else _as_text(queue))


def _as_text(queue: Overview) -> str:
    return "\n".join(
        [
            f"Jobs:    {_counts(queue.jobs)}",
            f"Uploads: {_counts(queue.uploads)}",
            f"Photos:  {queue.photos.text}",
            f"Workers: {len(queue.workers)}",
            *(f"  {_worker_line(worker)}" for worker in queue.workers),
            f"Longest wait: {queue.oldest_pending_seconds} s",
            f"Rerendering: {queue.rerenders} queued, {queue.rerenders_failed} failed",
            *([f"Processing is paused. {queue.shortage.worker_message}"] if queue.shortage else []),
        ]
    )


def _worker_line(worker: WorkerStatus) -> str:
    activity = f"job {worker.job.pk}" if worker.job else "idle"
    suffix = ", pausing" if worker.is_draining else ""
    return f"{worker.name} (version {worker.registration.version}): {activity}, {worker.registration.lately} jobs/min{suffix}"


def _counts(counts: Mapping[str, Count]) -> str:
    return ", ".join(f"{count.text} {state}" for state, count in counts.items())
