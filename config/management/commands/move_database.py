"""Moves the database from SQLite to PostgreSQL."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from config.operations import sqlite_to_postgres
from processing.jobs import workers
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    help = (
        "Copy the database from SQLite to an empty PostgreSQL database, compare the row counts, and verify the stored files. "
        "Stop web and workers before, and set DATABASE_URL afterwards. The SQLite database doesn't change."
    )
    requires_system_checks = SETTINGS_ONLY

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "target", metavar="URL", help="postgres://user@host/name; the password may be in PGPASSWORD or ~/.pgpass"
        )
        parser.add_argument("--no-verify", action="store_true", help="don't verify the stored files")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            target = sqlite_to_postgres.open_target(options["target"])
            if workers.running().exists():
                raise sqlite_to_postgres.CannotMove("A worker is running. Stop web and workers first.")
            source = Path(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"])
            sqlite_to_postgres.require_unused(source)
            sqlite_to_postgres.prepare(target)
            count = sqlite_to_postgres.move(self.stdout.write)
        except sqlite_to_postgres.CannotMove as reason:
            raise CommandError(str(reason)) from None
        except DatabaseError as error:
            raise CommandError(f"Nothing was copied: {error}") from error
        self.stdout.write(f"Copied {count} rows; all counts match.")
        if not options["no_verify"]:
            self._verify()
        self.stdout.write(f"Set DATABASE_URL to the target and start Darkroom. {source} is unchanged.")

    def _verify(self) -> None:
        """Runs `verify` with the target as the default database."""
        source = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = connections[sqlite_to_postgres.TARGET]
        try:
            call_command("verify", stdout=self.stdout)
        except SystemExit:
            raise CommandError("All rows were copied, but database and files don't match; see above.") from None
        finally:
            connections[DEFAULT_DB_ALIAS] = source
