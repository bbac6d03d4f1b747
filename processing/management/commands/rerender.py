"""`manage.py rerender`: has workers render photos again with the current recipe."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from albums.models import Album, Photo
from processing.management import SETTINGS_ONLY
from processing.rendering import rerender


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Have workers make the renditions of photos again from their originals, when no new photo waits: of all photos, or "
        "of those that lack some or have outdated ones. People see the old ones until the new ones are there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--album", type=int, metavar="ID", help="only photos of this album")
        parser.add_argument(
            "--missing",
            action="store_true",
            help="those that lack a size or format, or a whole file of it, or what they look like",
        )
        parser.add_argument(
            "--outdated", action="store_true", help="those made by another recipe than the one that is set"
        )
        parser.add_argument("--cancel", action="store_true", help="rather take back what was asked for and is not done")
        parser.add_argument("--dry-run", action="store_true", help="count the photos and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        photos = Photo.objects.all()
        if options["album"] is not None:
            if not Album.objects.filter(pk=options["album"]).exists():
                raise CommandError(f"There is no album {options['album']}.")
            photos = photos.filter(album=options["album"])
        if options["cancel"]:
            self.stdout.write(f"{rerender.cancel(photos)} photos will not be rendered again.")
            return
        selected = rerender.chosen(photos, missing=options["missing"], outdated=options["outdated"])
        if options["dry_run"]:
            self.stdout.write(f"{sum(1 for _ in selected)} photos would be rendered again.")
        else:
            self.stdout.write(f"{rerender.ask(selected)} photos will be rendered again.")
