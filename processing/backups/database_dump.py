"""Writes and restores database snapshots, with SQLite's backup interface or pg_dump and pg_restore."""

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

from albums import key_columns
from albums.key_columns import Kind
from albums.models import Album
from processing.backups import BackupError
from processing.storage import keys as storage_keys
from processing.storage.local import fsync

SQLITE, POSTGRESQL = "database.sqlite3", "database.dump"
MISSING = "{} is not installed. Install PostgreSQL's client (postgresql-client)."
PG_RESTORE = "pg_restore"
PSQL_OPTIONS = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction", "--set=ON_ERROR_STOP=1")
SET_SEARCH_PATH = "SELECT pg_catalog.set_config('search_path', 'public', false)"
"""pg_restore's script clears the search path and does not restore it."""


def file_name() -> str:
    """The file name of a snapshot of this installation's database, which shows the kind of database."""
    return SQLITE if connection.vendor == "sqlite" else POSTGRESQL


@contextmanager
def snapshot(path: Path) -> Iterator[str]:
    """Writes the snapshot to `path`, and yields the alias of a database connection that sees exactly its rows.

    Other connections can write meanwhile, thanks to SQLite's WAL and PostgreSQL's MVCC.
    """
    with _sqlite_snapshot(path) if connection.vendor == "sqlite" else _postgresql_snapshot(path) as alias:
        yield alias


def migrations(alias: str) -> list[str]:
    """Returns the migrations applied to the database, as `app.name`."""
    return sorted(f"{app}.{migration}" for app, migration in MigrationRecorder(connections[alias]).applied_migrations())


def unknown_migrations(applied: list[str]) -> list[str]:
    """Returns the migrations that this version of Darkroom does not have, because they belong to a newer one."""
    known_migrations = {
        f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    }
    return [
        name
        for name in applied
        if name.partition(".")[0] in ("albums", "processing", "config") and name not in known_migrations
    ]


def is_empty() -> bool:
    """True if the database has no tables, or neither users nor albums."""
    if User._meta.db_table not in connection.introspection.table_names():
        return True
    return not User.objects.exists() and not Album.objects.exists()


def restore(path: Path, onto_disk: bool = False) -> None:
    """Replaces the installation's database with the snapshot, atomically. No other process may have it open.

    `onto_disk`: rewrites the keys, so that all files are on the disk.
    """
    connection.close()
    statements = _move_keys_to_disk() if onto_disk else ()
    if connection.vendor == "sqlite":
        _replace_sqlite(path, Path(str(connection.settings_dict["NAME"])), statements)
    else:
        _replace_postgresql(path, statements)


def _move_keys_to_disk() -> list[str]:
    """Returns the statements that move all keys to the disk.

    Orphans remain in the bucket, and no row refers to the bucket any more.
    """
    columns = ((column.model._meta.db_table, column.key) for column in key_columns.columns(*Kind))
    return [
        *(
            f"UPDATE {table} SET {key} = substr({key}, {len(storage_keys.BUCKET) + 1}) "  # noqa: S608 - constants only
            f"WHERE {key} LIKE '{storage_keys.BUCKET}%'"
            for table, key in columns
        ),
        f"UPDATE processing_upload SET place = '{storage_keys.DISK}'",  # noqa: S608
        f"DELETE FROM albums_leftover WHERE key LIKE '{storage_keys.BUCKET}%'",  # noqa: S608
        "DELETE FROM processing_bucketconnection",
    ]


@contextmanager
def _sqlite_snapshot(path: Path) -> Iterator[str]:
    with (
        closing(sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=20)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)  # in one step, so that the copy is consistent
        target.execute("PRAGMA journal_mode=DELETE")  # so that the snapshot is a single file
    path.chmod(0o600)
    with _registered_alias(path) as alias:
        yield alias


@contextmanager
def _registered_alias(path: Path) -> Iterator[str]:
    alias = f"snapshot-{uuid.uuid4().hex}"
    connections.settings[alias] = connections.settings["default"] | {"NAME": str(path), "OPTIONS": {}}
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


@contextmanager
def _postgresql_snapshot(path: Path) -> Iterator[str]:
    """Dumps the snapshot that this transaction exports, so that both see the same rows."""
    path.touch(mode=0o600)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot_id = cursor.fetchone()[0]
        _run(_Dump, "--format=custom", f"--snapshot={snapshot_id}", f"--file={path}")
        yield "default"


def _replace_sqlite(source: Path, target: Path, statements: Iterable[str]) -> None:
    draft = target.with_name(f"{target.name}.restoring")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)  # before any data is in it: copying may take minutes
    shutil.copyfile(source, draft)
    with closing(sqlite3.connect(draft)) as database:
        if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BackupError("This snapshot's database is damaged. Use --at to choose an older one.")
        for statement in statements:
            database.execute(statement)
        database.commit()
    fsync.file(draft)
    for suffix in ("-wal", "-shm"):  # they belong to the empty database, and SQLite would apply them to the new one
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    draft.rename(target)
    fsync.directory(target.parent)


def _replace_postgresql(source: Path, statements: Iterable[str]) -> None:
    """Restores through a script, so that the changes run in the same transaction."""
    if not shutil.which(PG_RESTORE):
        raise BackupError(MISSING.format(PG_RESTORE))
    with TemporaryDirectory(dir=settings.DATA_DIR) as directory:
        script = Path(directory) / "script.sql"
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--file", str(script))
        if subprocess.run([PG_RESTORE, *options, str(source)], check=False).returncode:
            raise BackupError("This snapshot's database is damaged. Use --at to choose an older one.")
        commands = [option for statement in (SET_SEARCH_PATH, *statements) for option in ("--command", statement)]
        _run(_Script, *PSQL_OPTIONS, "--file", str(script), *commands)


class _Dump(DatabaseClient):
    """Passes the address as arguments and the password in the environment, like Django's `dbshell`."""

    executable_name = "pg_dump"


class _Script(_Dump):
    executable_name = "psql"


def _run(client: type[_Dump], *parameters: str) -> None:
    """Runs the program with the database name as its last argument. The program prints its errors itself."""
    if not shutil.which(client.executable_name):
        raise BackupError(MISSING.format(client.executable_name))
    try:
        client(connection).runshell(list(parameters))
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{client.executable_name} failed; see its message above.") from error
