"""`manage.py import_photos`: imports photos from files and folders of this machine."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from albums.models import Album
from processing.jobs import batch_completion, workers
from processing.management import SETTINGS_ONLY
from processing.models import Batch
from processing.queries import batch_outcome
from processing.uploads.batches import AlbumBusy
from processing.uploads.importer import Importer, walk

POLL_SECONDS = 0.5


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Import photos from files and folders into an album, like an upload. Folders include subfolders, in natural order (2 "
        "before 10). Companion files without a photo and hidden files are skipped. Existing photos are not stored twice, so an "
        "interrupted import can be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("album", metavar="ALBUM", help="album ID or title")
        parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
        parser.add_argument(
            "--wait",
            action="store_true",
            help="wait until all files are processed; exit with 0 only if every file except companions is stored",
        )
        parser.add_argument("--create", action="store_true", help="create the album if it doesn't exist")
        parser.add_argument("--user", metavar="NAME", help="user who imports, and owns the album created by --create")

    def handle(self, *args: Any, **options: Any) -> None:
        _check_paths(options["paths"])
        user = _user(options["user"])
        album = _album(options["album"], user, create=options["create"])
        batch = self._take(album, user, options["paths"], is_verbose=options["verbosity"] > 1)
        if options["wait"]:
            self._wait(batch)
        self._report(batch)

    def _take(self, album: Album, user: User | None, paths: list[Path], *, is_verbose: bool) -> Batch:
        intake = Importer(album, user)
        try:
            for upload in intake.run(walk(paths)):
                if is_verbose:
                    self.stdout.write(f"{upload.name}: {upload.message or 'received'}")
        except AlbumBusy as busy:
            raise CommandError(
                f"The album has another upload in progress (since {busy.batch.opened_at:%H:%M} UTC). "
                "Wait until it finishes or cancel it, then import again."
            ) from busy
        if intake.batch is None:
            raise CommandError("No files found.")
        return intake.batch

    def _wait(self, batch: Batch) -> None:
        if not workers.running().exists():
            self.stderr.write("Warning: no worker is running. Files are processed when one starts.")
        while not batch_completion.finish(batch.pk):
            time.sleep(POLL_SECONDS)

    def _report(self, batch: Batch) -> None:
        """Raises CommandError if any file did not become a photo. A file that is still to be developed is no error."""
        count = 0
        for name, reason in batch_outcome.failures(batch):
            count += 1
            self.stderr.write(f"{name}: {reason}")
        self.stdout.write(f"{batch_outcome.build(batch)}")
        if count:
            raise CommandError(f"{count} file{pluralize(count)} not imported; see above.")


def _check_paths(paths: list[Path]) -> None:
    if missing := [str(path) for path in paths if not path.exists()]:
        raise CommandError(f"Not found: {', '.join(missing)}.")
    if unsupported := [str(path) for path in paths if not path.is_file() and not path.is_dir()]:
        raise CommandError(f"Neither a file nor a folder: {', '.join(unsupported)}.")


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    try:
        return User.objects.get_by_natural_key(name)
    except User.DoesNotExist:
        raise CommandError(f"No user is called {name}.") from None


def _album(id_or_title: str, user: User | None, *, create: bool) -> Album:
    """Returns the album with this id, or else with this title. Raises CommandError."""
    if id_or_title.isascii() and id_or_title.isdigit() and (album := Album.objects.filter(pk=id_or_title).first()):
        if album.trashed_at:
            raise CommandError(f"Album {id_or_title} ({album.title}) is in the trash. Restore it first.")
        return album
    albums = list(Album.objects.filter(title=id_or_title, trashed_at=None))
    if len(albums) > 1:
        ids = ", ".join(str(album.pk) for album in albums)
        raise CommandError(f"Several albums are called {id_or_title}. Use an ID: {ids}.")
    if not albums and not create:
        raise CommandError(f"No album {id_or_title} exists. Use --create to create it.")
    return albums[0] if albums else _create(id_or_title.strip(), user)


def _create(title: str, user: User | None) -> Album:
    if not 0 < len(title) <= 200:
        raise CommandError("Titles must have 1 to 200 characters.")
    return Album.objects.create(title=title, owner=user)
