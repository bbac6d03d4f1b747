"""`manage.py rebuild_search`: rebuilds the index of all texts of photos and albums."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.template.defaultfilters import pluralize

from albums.search import index
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Rebuild the full-text index in batches, while Darkroom runs. Triggers keep it up to date; this repairs damage."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()

        def report(table: str, count: int) -> None:
            counts[table] += count
            if options["verbosity"] > 1:
                self.stdout.write(f"{counts[table]} {table}s")

        index.create(connection)
        index.rebuild(connection, report)
        photos, albums = counts["photo"], counts["album"]
        self.stdout.write(f"{photos} photo{pluralize(photos)} and {albums} album{pluralize(albums)} indexed.")
