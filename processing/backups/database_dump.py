"""The database at one moment, into a file and out of it: SQLite's backup interface, or pg_dump and pg_restore."""

import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.backends.postgresql.client import DatabaseClient
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from albums.models import Album
from processing.backups import Refused
from processing.storage import keys as storage_keys
from processing.storage.local import fsync

SQLITE, POSTGRESQL = "database.sqlite3", "database.dump"
MISSING = "{} is not installed; it comes with PostgreSQL's client (postgresql-client)."
PG_RESTORE = "pg_restore"
SCRIPT = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction", "--set=ON_ERROR_STOP=1")
OUR_SCHEMA = "SELECT pg_catalog.set_config('search_path', 'public', false)"
"""The script works without a search path, and leaves it so."""
ONTO_DISK = (
    *(
        f"UPDATE {table} SET {column} = substr({column}, {len(storage_keys.BUCKET) + 1}) "  # noqa: S608 - ours, every word
        f"WHERE {column} LIKE '{storage_keys.BUCKET}%'"
        for table, column in (
            ("albums_photo", "original_key"),
            ("albums_rendition", "key"),
            ("albums_companion", "key"),
            ("processing_processingjob", "raw_path"),
            ("processing_finding", "key"),
        )
    ),
    f"UPDATE processing_upload SET place = '{storage_keys.DISK}'",  # noqa: S608
    f"DELETE FROM albums_leftover WHERE key LIKE '{storage_keys.BUCKET}%'",  # noqa: S608
    "DELETE FROM processing_bucketconnection",
)
"""What is nobody's stays in the bucket, and nothing leads there any more."""


def file_name() -> str:
    """What the snapshot of this installation's database is called, by which one can tell the kind."""
    return SQLITE if connection.vendor == "sqlite" else POSTGRESQL


@contextmanager
def snapshot(path: Path) -> Iterator[str]:
    """Write the snapshot, and lend the name of a database connection under which exactly its rows are seen.

    Nobody waits for it: SQLite's log and PostgreSQL's versions of rows let others write meanwhile.
    """
    with _of_sqlite(path) if connection.vendor == "sqlite" else _of_postgresql(path) as name:
        yield name


def migrations(name: str) -> list[str]:
    """Which have been applied to it, as `app.name`."""
    return sorted(f"{app}.{each}" for app, each in MigrationRecorder(connections[name]).applied_migrations())


def unknown(applied: list[str]) -> list[str]:
    """Those of the migrations that this version of Darkroom does not have: they are a newer one's."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations}
    return [
        name for name in applied if name.partition(".")[0] in ("albums", "processing", "config") and name not in known
    ]


def is_empty() -> bool:
    """No tables, or nobody and nothing in them."""
    if User._meta.db_table not in connection.introspection.table_names():
        return True
    return not User.objects.exists() and not Album.objects.exists()


def put_back(path: Path, onto_disk: bool = False) -> None:
    """The snapshot becomes the installation's database, all of it at once or not at all. No other process may have it open.

    `onto_disk`: its keys then say that everything lies on the disk.
    """
    connection.close()
    changes = ONTO_DISK if onto_disk else ()
    if connection.vendor == "sqlite":
        _replace_sqlite(path, Path(str(connection.settings_dict["NAME"])), changes)
    else:
        _replace_postgresql(path, changes)


@contextmanager
def _of_sqlite(path: Path) -> Iterator[str]:
    with (
        closing(sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=20)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)  # in one step: one moment
        target.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
    path.chmod(0o600)
    with _lent(path) as name:
        yield name


@contextmanager
def _lent(path: Path) -> Iterator[str]:
    name = f"snapshot-{uuid.uuid4().hex}"
    connections.settings[name] = connections.settings["default"] | {"NAME": str(path), "OPTIONS": {}}
    try:
        yield name
    finally:
        connections[name].close()
        del connections[name]
        del connections.settings[name]


@contextmanager
def _of_postgresql(path: Path) -> Iterator[str]:
    """This transaction sees what the dump sees, for PostgreSQL lets it hand on its view of the rows."""
    path.touch(mode=0o600)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT pg_export_snapshot()")
            view = cursor.fetchone()[0]
        _run(_Dump, "--format=custom", f"--snapshot={view}", f"--file={path}")
        yield "default"


def _replace_sqlite(source: Path, target: Path, changes: Iterable[str]) -> None:
    draft = target.with_name(f"{target.name}.restoring")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)  # before a byte is in it: copying may take minutes
    shutil.copyfile(source, draft)
    with closing(sqlite3.connect(draft)) as copied:
        if copied.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise Refused("The database of this snapshot is damaged; take an older one with --at.")
        for change in changes:
            copied.execute(change)
        copied.commit()
    fsync.file(draft)
    for tail in ("-wal", "-shm"):  # of the empty one; they would be taken for the new one's
        target.with_name(target.name + tail).unlink(missing_ok=True)
    draft.rename(target)
    fsync.directory(target.parent)


def _replace_postgresql(source: Path, changes: Iterable[str]) -> None:
    """As a script, so that the changes are of the same transaction."""
    if not shutil.which(PG_RESTORE):
        raise Refused(MISSING.format(PG_RESTORE))
    with TemporaryDirectory(dir=settings.DATA_DIR) as work:
        script = Path(work) / "script.sql"
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--file", str(script))
        if subprocess.run([PG_RESTORE, *options, str(source)], check=False).returncode:
            raise Refused("The database of this snapshot is damaged; take an older one with --at.")
        more = [option for change in (OUR_SCHEMA, *changes) for option in ("--command", change)]
        _run(_Script, *SCRIPT, "--file", str(script), *more)


class _Dump(DatabaseClient):
    """With the address in arguments and the password in the environment, as Django starts psql."""

    executable_name = "pg_dump"


class _Script(_Dump):
    executable_name = "psql"


def _run(client: type[_Dump], *parameters: str) -> None:
    """The database's name comes last. What the program has to say, it says itself."""
    if not shutil.which(client.executable_name):
        raise Refused(MISSING.format(client.executable_name))
    try:
        client(connection).runshell(list(parameters))
    except subprocess.CalledProcessError as error:
        raise Refused(f"{client.executable_name} failed, for the reason that it gave above.") from error
