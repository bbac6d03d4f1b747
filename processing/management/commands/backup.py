"""`manage.py backup`: backs up the database and all files that cannot be made again."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat, pluralize

from processing.backups import BackupError
from processing.backups.create import CreateResult, create
from processing.backups.prune import prune
from processing.backups.repository import Repository
from processing.management import SETTINGS_ONLY

INTERRUPTED = 130


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Add a snapshot to the backup in DIR: the database, and all originals, companions and raw files that DIR lacks. Safe "
        "while the site runs. If interrupted, run it again to continue."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "directory", metavar="DIR", type=Path, help="backup directory, on another disk than DATA_DIR"
        )
        parser.add_argument(
            "--renditions",
            action="store_true",
            help="include renditions, which `rerender` can also make again from the originals",
        )
        parser.add_argument(
            "--keep",
            type=_count,
            metavar="N",
            help="afterwards delete all but the newest N snapshots, and files that only those need",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"].expanduser().resolve()
        if directory.is_relative_to(Path(settings.DATA_DIR).resolve()):
            raise CommandError("DIR is inside DATA_DIR. Choose a directory on another disk.")
        vault = Repository(directory)
        try:
            snapshot = create(vault, options["renditions"], self.stderr.write)
            self.stdout.write(_as_text(snapshot))
            if options["keep"]:
                self.stdout.write("Deleted old snapshots: {}, files: {}.".format(*prune(vault, options["keep"])))
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error}. Run the command again to continue.") from error
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Run the command again to continue.")
            sys.exit(INTERRUPTED)
        if snapshot.lacking:
            count = len(snapshot.lacking)
            raise CommandError(f"Backup incomplete: {count} file{pluralize(count)} missing or damaged here; see above.")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _as_text(snapshot: CreateResult) -> str:
    secret = (
        "It contains the secret key and password hashes. Keep it as safe as the server."
        if snapshot.has_secret
        else "It doesn't contain SECRET_KEY, which the environment sets. Keep a copy of your configuration."
    )
    return (
        f"Snapshot {snapshot.name}: {snapshot.files} file{pluralize(snapshot.files)}, {filesizeformat(snapshot.bytes)}, "
        f"including {snapshot.new_files} new ({filesizeformat(snapshot.new_bytes)}).\n{secret}"
    )
