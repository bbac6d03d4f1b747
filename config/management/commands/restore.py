"""Restores a backup, or runs a restore drill."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from config.operations import restore_drill
from processing.backups import BackupError
from processing.backups.repository import Repository
from processing.backups.restore import Restored, restore
from processing.management import SETTINGS_ONLY

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Restore the backup in DIR into this installation, which must be empty and stopped. Verifies every file's checksum, then "
        "restores the database. Overwrites nothing. If interrupted, run it again to continue."
    )
    requires_system_checks = SETTINGS_ONLY

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path)
        parser.add_argument("--at", metavar="SNAPSHOT", default="", help="one of DIR/snapshots (default: the newest)")
        parser.add_argument("--without-damaged", action="store_true", help="skip files that are damaged in the backup")
        parser.add_argument("--onto-disk", action="store_true", help="restore a bucket's files to the disk")
        parser.add_argument(
            "--drill",
            action="store_true",
            help="test the backup without changing this installation: restore into a scratch directory (and a scratch database "
            "on the same PostgreSQL server), run verify, and delete it. Exits with 0 only if everything matches",
        )
        parser.add_argument(
            "--scratch",
            metavar="DIR",
            type=Path,
            help="scratch directory for --drill (default: the system's temporary directory)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"].expanduser().resolve()
        try:
            if options["drill"]:
                self._drill(directory, options["at"], options["scratch"])
            else:
                restored = restore(
                    Repository(directory),
                    options["at"],
                    without_damaged=options["without_damaged"],
                    onto_disk=options["onto_disk"],
                    say=self.stderr.write,
                )
                self.stdout.write("\n".join(_summary(restored)))
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error}. Run the command again to continue.") from error
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Run the command again to continue.")
            sys.exit(INTERRUPTED)

    def _drill(self, directory: Path, at: str, scratch: Path | None) -> None:
        result = restore_drill.run(directory, at, scratch)
        for key in result.wrong:
            self.stdout.write(f"damaged or missing after restoring: {key}")
        for key in result.lacking:
            self.stdout.write(f"already missing when the backup was made: {key}")
        if result.wrong:
            count = len(result.wrong)
            raise CommandError(
                f"Drill failed: {count} file{pluralize(count)} of snapshot {result.name} missing or damaged."
            )
        photos, renditions = result.photos, result.renditions
        again = f" {renditions} rendition{pluralize(renditions)} would be made again." if renditions else ""
        self.stdout.write(
            f"Drill passed: snapshot {result.name} restores {photos} photo{pluralize(photos)}, all files verified.{again}"
        )


def _summary(restored: Restored) -> list[str]:
    info = restored.about
    lines = [f"Restored the backup of {info.taken_at}: {info.files} files, {restored.files} of them in this run."]
    if restored.damaged:
        lines.append(f"Skipped {len(restored.damaged)} files that are damaged in the backup; `verify` lists them.")
    if not restored.has_secret:
        lines.append("The backup has no secret key. If SECRET_KEY has changed, users have to sign in again.")
    lines.append("Next, run `manage.py migrate` and `manage.py collectstatic --noinput` (or `make run`), then")
    lines.append("`manage.py verify`, which has to succeed before users return.")
    if not info.renditions:
        lines.append("The backup has no renditions. After `verify`, run `manage.py rerender --missing` to have the")
        lines.append("workers make them again.")
    return lines
