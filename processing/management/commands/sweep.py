"""`manage.py sweep`: runs the sweep at once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from processing.maintenance import reclaim
from processing.maintenance import sweep as recovery
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Set right now what a crash, a cut line or a lost message left behind: jobs whose worker is gone, uploads that stopped, "
        "leftover bytes, bells that never rang. Workers do the same once a minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reclaim",
            action="store_true",
            help="free the room in incoming/ that nobody is waiting for, too: uploads of which nothing came for five "
            "minutes, and what was left behind",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(str(recovery.sweep()))
        if options["reclaim"]:
            self.stdout.write(f"Reclaimed {filesizeformat(reclaim.reclaim())}.")
