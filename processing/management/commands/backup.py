"""`manage.py backup`: backs up the database and all files that cannot be made again."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from processing.backups import Refused
from processing.backups.create import Taken, take
from processing.backups.prune import prune
from processing.backups.repository import Vault
from processing.management import SETTINGS_ONLY

INTERRUPTED = 130


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Add a snapshot to the backup in DIR: the database as it is at this moment, and every original, companion and raw file "
        "that it names and DIR lacks. Safe while the site runs, and to interrupt: the next run goes on from there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path, help="on another disk than DATA_DIR")
        parser.add_argument(
            "--renditions",
            action="store_true",
            help="the renditions too, which `rerender` could make again from the originals",
        )
        parser.add_argument(
            "--keep",
            type=_count,
            metavar="N",
            help="then let go of all but the newest N snapshots, and of what only those named",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"].expanduser().resolve()
        if directory.is_relative_to(Path(settings.DATA_DIR).resolve()):
            raise CommandError("DIR lies in DATA_DIR, and would be lost with it. Choose another disk.")
        vault = Vault(directory)
        try:
            snapshot = take(vault, options["renditions"], self.stderr.write)
            self.stdout.write(_as_text(snapshot))
            if options["keep"]:
                self.stdout.write("{} old snapshots and {} files let go.".format(*prune(vault, options["keep"])))
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{error}. What was copied is kept; run it again.") from error
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. What was copied is kept; run it again.")
            sys.exit(INTERRUPTED)
        if snapshot.lacking:
            raise CommandError(
                f"{len(snapshot.lacking)} files are lost or damaged in this installation, named above, and so not in the backup."
            )


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _as_text(snapshot: Taken) -> str:
    secret = (
        "The secret key is in it, and password hashes are: keep it as safe as the server."
        if snapshot.has_secret
        else "SECRET_KEY is set by the environment and not in it: keep that with your configuration."
    )
    return (
        f"Snapshot {snapshot.name}: {snapshot.files} files, {filesizeformat(snapshot.bytes)}, "
        f"of which {snapshot.new_files} ({filesizeformat(snapshot.new_bytes)}) were new.\n{secret}"
    )
