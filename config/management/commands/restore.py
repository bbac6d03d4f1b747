"""Restores a backup, or runs a restore drill."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.operations import restore_drill
from processing.backups import Refused
from processing.backups.repository import Vault
from processing.backups.restore import Restored, restore
from processing.management import SETTINGS_ONLY

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Restore the backup in DIR into this installation, which must be empty and not running: every file is held to its "
        "checksum, then the database is put in its place. It writes over nothing; interrupted, it goes on when it is run again."
    )
    requires_system_checks = SETTINGS_ONLY

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path)
        parser.add_argument(
            "--at", metavar="SNAPSHOT", default="", help="one of DIR/snapshots; the newest if not given"
        )
        parser.add_argument(
            "--without-damaged", action="store_true", help="leave out files that are damaged in the backup, and go on"
        )
        parser.add_argument("--onto-disk", action="store_true", help="what lay in a bucket comes to lie on the disk")
        parser.add_argument(
            "--drill",
            action="store_true",
            help="leave this installation alone: restore into a scratch directory (and a scratch database on the same PostgreSQL "
            "server), run verify there, and throw it away. Exits with 0 only when all is there and right",
        )
        parser.add_argument(
            "--scratch",
            metavar="DIR",
            type=Path,
            help="where the drill finds room for it all; the system's place for such files",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"].expanduser().resolve()
        try:
            if options["drill"]:
                self._drill(directory, options["at"], options["scratch"])
            else:
                restored = restore(
                    Vault(directory),
                    options["at"],
                    without_damaged=options["without_damaged"],
                    onto_disk=options["onto_disk"],
                    say=self.stderr.write,
                )
                self.stdout.write("\n".join(_summary(restored)))
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{error}. Run it again: it goes on from there.") from error
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Run it again: it goes on from there.")
            sys.exit(INTERRUPTED)

    def _drill(self, directory: Path, at: str, scratch: Path | None) -> None:
        result = restore_drill.hold(directory, at, scratch)
        for key in result.wrong:
            self.stdout.write(f"wrong after restoring: {key}")
        for key in result.lacking:
            self.stdout.write(f"lost already when the backup was taken: {key}")
        if result.wrong:
            raise CommandError(f"The drill failed: {len(result.wrong)} files of snapshot {result.name} are not right.")
        again = f"; {result.renditions} renditions would be made again" if result.renditions else ""
        self.stdout.write(
            f"The drill held: snapshot {result.name} restores to {result.photos} photos, every file verified{again}."
        )


def _summary(restored: Restored) -> list[str]:
    info = restored.about
    lines = [f"Restored what was backed up at {info.taken_at}: {info.files} files, {restored.files} of them now."]
    if restored.damaged:
        lines.append(f"{len(restored.damaged)} files are left out, being damaged in the backup; `verify` lists them.")
    if not restored.has_secret:
        lines.append("The secret key is not from the backup: with another than before, people have to sign in again.")
    lines.append("Next: `manage.py migrate` and `manage.py collectstatic --noinput` (`make run` does both), then")
    lines.append("`manage.py verify`, which must agree before people come back.")
    if not info.renditions:
        lines.append("Renditions are not in this backup: when `verify` has noted them, `manage.py rerender --missing`")
        lines.append("has the workers make them again.")
    return lines
