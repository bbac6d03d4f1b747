"""`manage.py rerender`: has workers render photos again with the current recipe."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from albums.models import Album, Photo
from processing.management import SETTINGS_ONLY
from processing.rendering import rerender


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Have workers make renditions again from the originals while no new photo waits: for all photos, or for those with "
        "missing or outdated renditions. The old ones stay until the new ones are ready."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--album", type=int, metavar="ID", help="only photos of this album")
        parser.add_argument(
            "--missing",
            action="store_true",
            help="photos without a size, a format, an intact file or a perceptual hash",
        )
        parser.add_argument(
            "--outdated", action="store_true", help="photos rendered with other settings than the current ones"
        )
        parser.add_argument("--cancel", action="store_true", help="cancel pending rerenders instead")
        parser.add_argument("--dry-run", action="store_true", help="count the photos, but change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        photos = Photo.objects.all()
        if options["album"] is not None:
            if not Album.objects.filter(pk=options["album"]).exists():
                raise CommandError(f"No album {options['album']} exists.")
            photos = photos.filter(album=options["album"])
        if options["cancel"]:
            self.stdout.write(f"{_photos(rerender.cancel(photos))} will not be rerendered.")
            return
        selected = rerender.select(photos, missing=options["missing"], outdated=options["outdated"])
        if options["dry_run"]:
            self.stdout.write(f"{_photos(sum(1 for _ in selected))} would be rerendered.")
        else:
            self.stdout.write(f"{_photos(rerender.enqueue(selected))} will be rerendered.")


def _photos(count: int) -> str:
    return f"{count} photo{pluralize(count)}"
