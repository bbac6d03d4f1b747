"""`manage.py sweep`: runs the sweep at once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from processing.maintenance import reclaim, sweep
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Recover from crashes and interruptions now: requeue jobs of stopped workers, expire stalled uploads, delete orphaned "
        "files, and wake workers. Workers do the same once a minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reclaim",
            action="store_true",
            help="also free up temporary storage: delete uploads without data for 5 minutes, and orphaned files",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(str(sweep.sweep()))
        if options["reclaim"]:
            self.stdout.write(f"Freed up {filesizeformat(reclaim.reclaim())}.")
