"""Copies the database from SQLite to an empty PostgreSQL database, in one transaction.

The rows are streamed, so that memory use does not depend on the number of photos. The source is not changed.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from config import database

TARGET = "target"
MADE_BY_MIGRATE: tuple[type[Model], ...] = (ContentType, Permission)
BATCH_SIZE = 1000


class CannotMove(Exception):
    """The database cannot be moved. The message is for the administrator. Nothing was changed."""


def open_target(url: str) -> BaseDatabaseWrapper:
    """Returns the connection to the target database, under the alias TARGET. Raises CannotMove."""
    source, target = connections[DEFAULT_DB_ALIAS], database.options(url, pool=4)
    if source.vendor != "sqlite":
        raise CannotMove(
            "This installation doesn't use SQLite. To move between PostgreSQL servers, use pg_dump and pg_restore."
        )
    if target["ENGINE"] != "django.db.backends.postgresql":
        raise CannotMove("The target is not PostgreSQL. Use the form postgres://user:password@host/name.")
    connections.databases[TARGET] = connections.configure_settings({DEFAULT_DB_ALIAS: target})[DEFAULT_DB_ALIAS]
    return connections[TARGET]


def require_unused(file: Path) -> None:
    """Raises CannotMove if another process has the database open: it would continue to write to the old database."""
    own_pid = str(os.getpid())
    openers = {process.name for process in Path("/proc").glob("[0-9]*") if _has_open(process, file)}
    users = (openers | _lockers(file)) - {own_pid}
    if users:
        raise CannotMove(f"Darkroom is running (process {min(users, key=int)}). Stop web and workers first.")


def prepare(target: BaseDatabaseWrapper) -> None:
    """Creates the tables. Raises CannotMove if the target is not empty."""
    source = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if source.migration_plan(source.loader.graph.leaf_nodes()):
        raise CannotMove("The SQLite database is not up to date. Run `manage.py migrate` first.")
    tables = target.introspection.table_names()
    if tables and "django_migrations" not in tables:
        raise CannotMove("The target is not empty: it has other tables.")
    call_command("migrate", database=TARGET, interactive=False, verbosity=0)
    for model in _models():
        if model not in MADE_BY_MIGRATE and model._base_manager.using(TARGET).exists():
            raise CannotMove(f"The target is not empty: {model._meta.db_table} has rows.")


def move(report: Callable[[str], None]) -> int:
    """Copies all rows, compares the counts of both databases, and returns the total. Raises CannotMove if they differ."""
    total = 0
    # The first transaction holds SQLite's only write lock, so that the copy is consistent.
    with transaction.atomic(), transaction.atomic(using=TARGET):
        for model in reversed(MADE_BY_MIGRATE):
            model._base_manager.using(TARGET).all().delete()
        for model in _models():
            count = _copy(model)
            if not count == model._base_manager.count() == model._base_manager.using(TARGET).count():
                raise CannotMove(f"The row counts of {model._meta.db_table} differ.")
            if count:
                report(f"{model._meta.db_table}: {count}")
            total += count
        target = connections[TARGET]
        with target.cursor() as cursor:
            for statement in target.ops.sequence_reset_sql(no_style(), _models()):
                cursor.execute(statement)
        target.check_constraints()
    return total


def _models() -> list[type[Model]]:
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model._meta.managed and not model._meta.proxy]


def _copy(model: type[Model]) -> int:
    """Copies the rows with COPY, and returns their number. Foreign keys are checked later, at the end of move()."""
    target, fields, count = connections[TARGET], model._meta.concrete_fields, 0
    quote = target.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    with target.cursor() as cursor, cursor.copy(f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN") as copy:
        for row in _rows(model, [str(field.attname) for field in fields]):
            copy.write_row([field.get_db_prep_save(value, target) for field, value in zip(fields, row, strict=True)])
            count += 1
    return count


def _rows(model: type[Model], columns: list[str]) -> Iterator[list[Any]]:
    rows = model._base_manager.order_by("pk").values_list(*columns)
    for row in rows.iterator(chunk_size=BATCH_SIZE):
        yield [_without_nul(value) for value in row]


def _without_nul(value: Any) -> Any:
    """Removes NUL characters, which SQLite stores in text and PostgreSQL does not."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list | dict) and "\\u0000" in (text := json.dumps(value)):
        return json.loads(text.replace("\\u0000", ""))
    return value


def _has_open(process: Path, file: Path) -> bool:
    """True if the process has the file open.

    Only root can see this for processes of other users, and for processes that hide their descriptors, as Darkroom's do.
    """
    try:
        return any(link.exists() and link.samefile(file) for link in (process / "fd").iterdir())
    except OSError:
        return False


def _lockers(file: Path) -> set[str]:
    """Returns the ids of processes with an SQLite lock. In WAL mode each connection locks the shared-memory file.

    Every user can read the locks (proc_locks(5)): number, type, kind, access, process, device:inode, range.
    """
    inodes = set()
    for path in (file, file.with_name(f"{file.name}-shm")):
        if path.exists():
            status = path.stat()
            inodes.add(f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}")
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    except OSError:
        return set()
    return {lock[4] for lock in locks if len(lock) == 8 and lock[5] in inodes and int(lock[4]) > 0}
