"""What has to be done before the processes start: migrate the database, collect the static files. Skipped when it is done."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.staticfiles import HashedStatic


def prepare() -> None:
    if _is_behind():
        call_command("migrate", interactive=False, verbosity=0)
    _collect_static()
    connection.close()


def _is_behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_missing() -> None:
    """Collect the static files, unless all are there whose addresses pages tell. Raises OSError when they cannot be written.

    Without them every page would be answered 500: their addresses hold hashes that stand in a list beside them.
    """
    if not _are_collected():
        with _alone():
            if not _are_collected():
                _list().unlink(missing_ok=True)  # a damaged one would stop Django from writing another
                _collect()


def _collect_static() -> None:
    """The stamp is written last: what was cut off is done again."""
    stamp, now = Path(settings.STATIC_ROOT) / ".stamp", _fingerprint()
    if not stamp.exists() or stamp.read_text() != now:
        with _alone():
            _collect()
        stamp.write_text(now)


def _collect() -> None:
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def _alone() -> Iterator[None]:
    """Of several processes that are started at once, one collects and the others wait."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.STATIC_ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _are_collected() -> bool:
    """Is every file that there is in the list, and each that it names in its place?"""
    try:
        told = json.loads(_list().read_bytes())["paths"]
    except (OSError, ValueError, KeyError):
        return False
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    names = {name for finder in get_finders() for name, _ in finder.list(ignored)}
    return names <= told.keys() and all((_list().parent / path).is_file() for path in told.values())


def _list() -> Path:
    """Of the addresses, by the names of the files."""
    return Path(settings.STATIC_ROOT) / str(HashedStatic.manifest_name)


def _fingerprint() -> str:
    """Of every static file's name, size and time, without reading any, and of how they are stored."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
