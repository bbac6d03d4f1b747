"""`manage.py move_storage`: moves photos from the disk to the bucket, or back."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat, pluralize

from albums.models import Album, Rendition
from processing.maintenance import storage_migration
from processing.maintenance.storage_migration import Misplaced
from processing.management import SETTINGS_ONLY
from processing.storage import keys as storage_keys
from processing.storage import locations

INTERRUPTED = 130
PLACES = {"disk": storage_keys.DISK, "bucket": storage_keys.BUCKET}


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Move photos, with their renditions and companions, to the disk or the bucket while the site runs. Each file is copied, "
        "read back and compared before its row changes. Safe to interrupt and to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", choices=PLACES, required=True)
        parser.add_argument("--album", type=int, metavar="ID", help="only photos of this album")
        parser.add_argument("--dry-run", action="store_true", help="count, but change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if storage_keys.BUCKET not in locations.in_use():
            raise CommandError("No bucket is configured. Set S3_BUCKET.")
        remaining = storage_migration.misplaced(PLACES[options["to"]], _album(options["album"]))
        if options["dry_run"]:
            self.stdout.write(f"{_counts(remaining)} would be moved.")
            return
        try:
            moved, failed, size = self._move(remaining, PLACES[options["to"]])
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Run the command again to move the rest.")
            sys.exit(INTERRUPTED)
        except storage_migration.NoSpace:
            raise CommandError(
                "The disk is full. Free up space, then run the command again to move the rest."
            ) from None
        except OSError as error:
            raise CommandError(f"{error} Run the command again to move the rest.") from error
        self.stdout.write(f"{moved} moved ({filesizeformat(size)}). The old files are deleted within minutes.")
        if failed:
            raise CommandError(f"{failed} could not be moved; see above.")

    def _move(self, remaining: Misplaced, place: str) -> tuple[int, int, int]:
        """Returns the number of photos and companions moved, the number not moved, and the bytes moved."""
        moved = failed = size = 0
        for item in remaining:
            try:
                size += storage_migration.move(item, place)
            except storage_migration.ItemChanged:
                self.stderr.write(f"{item.name}: changed meanwhile. Run the command again.")
                failed += 1
            except storage_migration.SourceDamaged as spoiled:
                self.stderr.write(
                    f"{item.name}: {spoiled} is missing or damaged. Run `manage.py verify --repair` first."
                )
                failed += 1
            else:
                moved += 1
        return moved, failed, size


def _album(pk: int | None) -> Album | None:
    if pk is None:
        return None
    if (album := Album.objects.filter(pk=pk).first()) is None:
        raise CommandError(f"There is no album {pk}.")
    return album


def _counts(remaining: Misplaced) -> str:
    sums = (
        remaining.photos.aggregate(n=Sum("original_bytes")),
        Rendition.objects.filter(photo__in=remaining.photos).aggregate(n=Sum("bytes")),
        remaining.companions.aggregate(n=Sum("bytes")),
    )
    size = sum(row["n"] or 0 for row in sums)
    photos, companions = remaining.photos.count(), remaining.companions.count()
    counts = f"{photos} photo{pluralize(photos)} and {companions} companion{pluralize(companions)}"
    return f"{counts} ({filesizeformat(size)} at most)"
