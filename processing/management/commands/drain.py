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
        "Drain workers: each ends the photo it has in work and begins no other, so that it, or its machine, can be stopped "
        "without anybody waiting. Others do what waits. `queue_status` tells their names."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workers", nargs="*", metavar="NAME", help="their names, as queue_status tells them")
        parser.add_argument("--host", help="all workers of this host")
        parser.add_argument("--all", action="store_true", help="all workers")
        parser.add_argument("--resume", action="store_true", help="rather have them go on")
        parser.add_argument("--wait", action="store_true", help="until they have nothing in work")
        parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="of --wait; 300 unless told")

    def handle(self, *args: Any, **options: Any) -> None:
        names = self._names(options)
        if options["resume"]:
            self.stdout.write(f"{workers.resume(names)} workers go on.")
            return
        self.stdout.write(f"{workers.drain(names)} workers are draining.")
        if options["wait"]:
            self._wait(names, time.monotonic() + options["timeout"])

    def _names(self, options: dict[str, Any]) -> list[str]:
        alive = workers.alive()
        if not (options["workers"] or options["host"] or options["all"]):
            raise CommandError("Name the workers, or say --host or --all.")
        if unknown := set(options["workers"]) - set(alive.values_list("name", flat=True)):
            raise CommandError(f"No such worker is running: {', '.join(sorted(unknown))}")
        if options["all"]:
            return list(alive.values_list("name", flat=True))
        return [*options["workers"], *alive.filter(host=options["host"] or None).values_list("name", flat=True)]

    def _wait(self, names: list[str], deadline: float) -> None:
        while ProcessingJob.objects.in_work().filter(worker__in=names).exists():
            if time.monotonic() > deadline:
                raise CommandError("Some still have a photo in work.")
            time.sleep(POLL_SECONDS)
        self.stdout.write("They have nothing in work.")
