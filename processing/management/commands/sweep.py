"""Recovery now."""

from typing import Any

from django.core.management.base import BaseCommand

from processing import sweeper


class Command(BaseCommand):
    help = (
        "Set right now what a crash, a cut line or a lost message left behind: jobs whose worker is gone, uploads that stopped, "
        "leftover bytes, bells that never rang. Workers do the same once a minute."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(str(sweeper.sweep()))
