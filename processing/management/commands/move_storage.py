"""Photos from the disk into the bucket, or back."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from albums.models import Album, Rendition
from processing.maintenance import storage_migration
from processing.maintenance.storage_migration import Elsewhere
from processing.storage import keys as storage_keys
from processing.storage import locations

INTERRUPTED = 130
PLACES = {"disk": storage_keys.DISK, "bucket": storage_keys.BUCKET}


class Command(BaseCommand):
    help = (
        "Move photos, with their renditions and companions, to the disk or into the bucket, while the site runs. Each file is "
        "copied, read back and compared at its new place before its row says so. Safe to interrupt and to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", choices=PLACES, required=True)
        parser.add_argument("--album", type=int, metavar="ID", help="only what is in this album")
        parser.add_argument("--dry-run", action="store_true", help="count and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if storage_keys.BUCKET not in locations.in_use():
            raise CommandError("No bucket is set up: there is nothing to move from or to.")
        left = storage_migration.elsewhere(PLACES[options["to"]], _album(options["album"]))
        if options["dry_run"]:
            self.stdout.write(f"{_counted(left)} would be moved.")
            return
        try:
            moved, stayed, size = self._move(left, PLACES[options["to"]])
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. What was moved is moved; run it again for the rest.")
            sys.exit(INTERRUPTED)
        except storage_migration.NoRoom:
            raise CommandError(
                "The disk has no room for more. What was moved is moved; run it again when there is."
            ) from None
        except OSError as error:
            raise CommandError(f"{error} What was moved is moved; run it again for the rest.") from error
        self.stdout.write(f"{moved} moved ({filesizeformat(size)}); what they leave behind goes within minutes.")
        if stayed:
            raise CommandError(f"{stayed} stayed where they are, for the reasons above.")

    def _move(self, left: Elsewhere, place: str) -> tuple[int, int, int]:
        """How many photos and companions moved, how many stayed, and bytes."""
        moved = stayed = size = 0
        for kept in left:
            try:
                size += storage_migration.move(kept, place)
            except storage_migration.Stale:
                self.stderr.write(f"{kept.name}: somebody changed it meanwhile; run this again.")
                stayed += 1
            except storage_migration.Spoiled as spoiled:
                self.stderr.write(
                    f"{kept.name}: {spoiled} is lost or damaged. `manage.py verify --repair` comes first."
                )
                stayed += 1
            else:
                moved += 1
        return moved, stayed, size


def _album(pk: int | None) -> Album | None:
    if pk is None:
        return None
    if (album := Album.objects.filter(pk=pk).first()) is None:
        raise CommandError(f"There is no album {pk}.")
    return album


def _counted(left: Elsewhere) -> str:
    sums = (
        left.photos.aggregate(n=Sum("original_bytes")),
        Rendition.objects.filter(photo__in=left.photos).aggregate(n=Sum("bytes")),
        left.companions.aggregate(n=Sum("bytes")),
    )
    size = sum(each["n"] or 0 for each in sums)
    return f"{left.photos.count()} photos and {left.companions.count()} companions ({filesizeformat(size)} at most)"
