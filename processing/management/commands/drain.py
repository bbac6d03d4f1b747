"""`manage.py drain`: has workers finish their jobs and claim no others until they are resumed or restarted."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from processing.jobs import workers
from processing.management import SETTINGS_ONLY
from processing.models import ProcessingJob

POLL_SECONDS = 0.5


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Pause workers: each finishes its current job and starts no other, so that it can be stopped safely. Other workers "
        "continue. `queue_status` lists the names."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workers", nargs="*", metavar="NAME", help="worker names, as listed by queue_status")
        parser.add_argument("--host", help="pause all workers of this host")
        parser.add_argument("--all", action="store_true", help="pause all workers")
        parser.add_argument("--resume", action="store_true", help="resume the workers instead")
        parser.add_argument("--wait", action="store_true", help="wait until their jobs are finished")
        parser.add_argument(
            "--timeout", type=float, default=300, metavar="SECONDS", help="time limit for --wait (default: 300)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = self._names(options)
        if options["resume"]:
            self.stdout.write(f"Workers resumed: {workers.resume(names)}.")
            return
        self.stdout.write(f"Workers pausing: {workers.drain(names)}.")
        if options["wait"]:
            self._wait(names, time.monotonic() + options["timeout"])

    def _names(self, options: dict[str, Any]) -> list[str]:
        alive = workers.running()
        if not (options["workers"] or options["host"] or options["all"]):
            raise CommandError("Name the workers, or use --host or --all.")
        if unknown := set(options["workers"]) - set(alive.values_list("name", flat=True)):
            raise CommandError(f"Not running: {', '.join(sorted(unknown))}")
        if options["all"]:
            return list(alive.values_list("name", flat=True))
        return [*options["workers"], *alive.filter(host=options["host"] or None).values_list("name", flat=True)]

    def _wait(self, names: list[str], deadline: float) -> None:
        while ProcessingJob.objects.in_work().filter(worker__in=names).exists():
            if time.monotonic() > deadline:
                raise CommandError("Some jobs are still running.")
            time.sleep(POLL_SECONDS)
        self.stdout.write("All jobs finished.")
